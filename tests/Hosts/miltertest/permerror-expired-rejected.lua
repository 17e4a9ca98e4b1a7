-- A signature that cannot count is as none, so On-NoSignature decides.
-- conf: Mode v
-- conf: TestPublicKeys keys.txt
-- conf: AuthservID mx.example.net
-- conf: On-NoSignature reject
-- sign signature: t=1000000000; x=1000000001

expect(SMFIR_REPLYCODE, pass({ fields = with(FIELDS, "DKIM-Signature", signature) }))
check(answered("550", "5.7.0", "no DKIM signature data"), "another reply")
