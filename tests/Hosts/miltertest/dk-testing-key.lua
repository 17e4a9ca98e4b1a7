-- dk-filter: a key that is only tried out.
-- arguments: -b v
-- key: trial._domainkey.example.org t=y; p=$P
-- domainkey signature: s=trial

expect(SMFIR_ACCEPT, pass({ fields = with(FIELDS, "DomainKey-Signature", signature) }))
results("domainkeys=pass (testing)")
