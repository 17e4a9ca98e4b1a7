-- On-BadSignature reject.
-- conf: Mode v
-- conf: TestPublicKeys keys.txt
-- conf: AuthservID mx.example.net
-- conf: On-BadSignature reject
-- sign signature: damage=header

local fields = with(FIELDS, "DKIM-Signature", signature)
expect(SMFIR_REPLYCODE, pass({ fields = fields }))
check(answered("550", "5.7.0", "bad DKIM signature data"), "another reply")
