-- A signature that cannot be read is permerror, and forged results still go.
-- conf: Mode v
-- conf: TestPublicKeys keys.txt
-- conf: AuthservID mx.example.net
-- sign signature: damage=syntax

local fields = with(FIELDS, "DKIM-Signature", signature)
expect(SMFIR_ACCEPT, pass({ fields = with(fields, "Authentication-Results", "mx.example.net; dkim=pass") }))
results("dkim=permerror (verification error: ")
check(deleted("Authentication-Results"), "the forged result stays")
