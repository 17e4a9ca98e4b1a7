-- dk-filter: a signature that cannot be read.
-- arguments: -b v
-- domainkey signature: damage=syntax
-- log: 4Q1234: syntax error

expect(SMFIR_ACCEPT, pass({ fields = with(FIELDS, "DomainKey-Signature", signature) }))
results("domainkeys=neutral (bad format)")
