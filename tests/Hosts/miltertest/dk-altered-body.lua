-- dk-filter: a signature over another body fails, and by default the message is accepted.
-- arguments: -b v
-- domainkey signature: damage=body
-- log: 4Q1234: bad signature data (s=sel, d=example.org)

expect(SMFIR_ACCEPT, pass({ fields = with(FIELDS, "DomainKey-Signature", signature) }))
results("domainkeys=fail")
