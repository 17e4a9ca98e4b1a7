-- On-NoSignature refuses unsigned messages.
-- conf: Mode v
-- conf: TestPublicKeys keys.txt
-- conf: AuthservID mx.example.net
-- conf: On-NoSignature reject
-- log: 4Q1234: no signature data

expect(SMFIR_REPLYCODE, pass({}))
check(answered("550", "5.7.0", "no DKIM signature data"), "another reply")
