-- dk-filter -C dns=a accepts a message whose key cannot be had.
-- arguments: -b v -C dns=a
-- domainkey signature: d=elsewhere.example
-- author: Joe <joe@elsewhere.example>

expect(SMFIR_ACCEPT, pass({ fields = with(FIELDS, "DomainKey-Signature", signature) }))
results("domainkeys=temperror (key retrieval failed)")
