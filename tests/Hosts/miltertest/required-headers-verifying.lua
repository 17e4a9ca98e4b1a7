-- RequiredHeaders: a message with two Subjects is permerror (bad format).
-- conf: Mode v
-- conf: TestPublicKeys keys.txt
-- conf: AuthservID mx.example.net
-- conf: RequiredHeaders yes

expect(SMFIR_ACCEPT, pass({ fields = with(FIELDS, "Subject", "another") }))
results("dkim=permerror (bad format)")
results("header.i=unknown")
