-- Without a key: refused, where On-DNSError says so.
-- conf: Mode v
-- conf: TestPublicKeys keys.txt
-- conf: AuthservID mx.example.net
-- conf: On-DNSError reject
-- sign signature: s=none

local fields = with(FIELDS, "DKIM-Signature", signature)
expect(SMFIR_REPLYCODE, pass({ fields = fields }))
check(answered("550", "5.7.0", "DKIM key retrieval failed"), "another reply")
