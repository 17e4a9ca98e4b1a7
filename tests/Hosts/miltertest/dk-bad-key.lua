-- dk-filter: a key that cannot be read will not get better, so the message does not wait for it.
-- arguments: -b v -C dns=r,bad=r
-- key: broken._domainkey.example.org k=rsa; p=AAAA
-- domainkey signature: s=broken

expect(SMFIR_ACCEPT, pass({ fields = with(FIELDS, "DomainKey-Signature", signature) }))
results("domainkeys=neutral (bad key)")
