-- On-BadSignature reject, of a signature that cannot be read.
-- conf: Mode v
-- conf: TestPublicKeys keys.txt
-- conf: AuthservID mx.example.net
-- conf: On-BadSignature reject
-- sign signature: damage=syntax

expect(SMFIR_REPLYCODE, pass({ fields = with(FIELDS, "DKIM-Signature", signature) }))
check(answered("550", "5.7.0", "DKIM signature syntax error"), "another reply")
