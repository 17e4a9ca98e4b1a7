-- A signature whose key is revoked is as none, so On-NoSignature decides.
-- conf: Mode v
-- conf: TestPublicKeys keys.txt
-- conf: AuthservID mx.example.net
-- conf: On-NoSignature reject
-- key: gone._domainkey.example.org v=DKIM1; p=
-- sign signature: s=gone

expect(SMFIR_REPLYCODE, pass({ fields = with(FIELDS, "DKIM-Signature", signature) }))
check(answered("550", "5.7.0", "no DKIM signature data"), "another reply")
