-- dk-filter: a message whose key cannot be had is to come again.
-- arguments: -b v
-- domainkey signature: d=elsewhere.example
-- author: Joe <joe@elsewhere.example>
-- log: 4Q1234: key retrieval failed (s=sel, d=elsewhere.example)

expect(SMFIR_TEMPFAIL, pass({ fields = with(FIELDS, "DomainKey-Signature", signature) }))
