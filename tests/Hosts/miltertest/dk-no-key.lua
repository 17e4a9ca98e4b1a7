-- dk-filter: without a key a signature says nothing, and the message is accepted.
-- arguments: -b v -C dns=r,bad=r
-- domainkey signature: s=none
-- log: 4Q1234 no key (s=none, d=example.org)

expect(SMFIR_ACCEPT, pass({ fields = with(FIELDS, "DomainKey-Signature", signature) }))
results("domainkeys=neutral (no key)")
