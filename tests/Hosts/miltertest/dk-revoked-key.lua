-- dk-filter: a key that its domain has revoked is none.
-- arguments: -b v -C dns=r,bad=r
-- key: gone._domainkey.example.org p=
-- domainkey signature: s=gone

expect(SMFIR_ACCEPT, pass({ fields = with(FIELDS, "DomainKey-Signature", signature) }))
results("domainkeys=neutral (no key)")
