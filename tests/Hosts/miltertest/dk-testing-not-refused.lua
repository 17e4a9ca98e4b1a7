-- dk-filter: a message is not refused where the key that fails it is only tried out.
-- arguments: -b v -C bad=r
-- key: trial._domainkey.example.org t=y; p=$P
-- domainkey signature: s=trial; damage=body

expect(SMFIR_ACCEPT, pass({ fields = with(FIELDS, "DomainKey-Signature", signature) }))
results("domainkeys=fail (testing)")
