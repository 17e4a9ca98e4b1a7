-- A key that cannot be had: the mail waits by default.
-- conf: Mode v
-- conf: Nameservers $N
-- conf: AuthservID mx.example.net
-- sign signature: d=elsewhere.example
-- log: key retrieval failed (s=sel, d=elsewhere.example)

expect(SMFIR_TEMPFAIL, pass({ fields = with(FIELDS, "DKIM-Signature", signature) }))
