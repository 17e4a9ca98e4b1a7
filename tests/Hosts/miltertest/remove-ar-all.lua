-- RemoveARAll removes results of other methods in our name.
-- conf: Mode v
-- conf: TestPublicKeys keys.txt
-- conf: AuthservID mx.example.net
-- conf: RemoveARAll yes

expect(SMFIR_ACCEPT, pass({ fields = with(FIELDS, "Authentication-Results", "mx.example.net; spf=pass") }))
check(deleted("Authentication-Results"), "it stays")
