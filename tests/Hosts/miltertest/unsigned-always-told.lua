-- AlwaysAddARHeader tells of unsigned messages, too.
-- conf: Mode v
-- conf: TestPublicKeys keys.txt
-- conf: AuthservID mx.example.net
-- conf: AlwaysAddARHeader yes

expect(SMFIR_ACCEPT, pass({}))
results("mx.example.net; dkim=none (no signature)")
results("header.i=unknown")
