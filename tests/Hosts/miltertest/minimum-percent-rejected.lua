-- A signature that covers too little is as none, so On-NoSignature decides.
-- conf: Mode v
-- conf: TestPublicKeys keys.txt
-- conf: AuthservID mx.example.net
-- conf: On-NoSignature reject
-- conf: Minimum 50%
-- sign signature: l=9
-- sign enough: l=15

expect(SMFIR_REPLYCODE, pass({ fields = with(FIELDS, "DKIM-Signature", signature) }))
check(answered("550", "5.7.0", "no DKIM signature data"), "another reply")
expect(SMFIR_ACCEPT, pass({ fields = with(FIELDS, "DKIM-Signature", enough) }))
