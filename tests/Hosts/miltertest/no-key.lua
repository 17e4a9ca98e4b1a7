-- Without a key: neutral, and the mail waits by default.
-- conf: Mode v
-- conf: TestPublicKeys keys.txt
-- conf: AuthservID mx.example.net
-- sign signature: s=none
-- log: key retrieval failed (s=none, d=example.org)

local fields = with(FIELDS, "DKIM-Signature", signature)
expect(SMFIR_TEMPFAIL, pass({ fields = fields }))
