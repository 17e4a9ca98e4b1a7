-- What would be signed is let through when the mode is verifying alone.
-- conf: Domain example.org
-- conf: Selector sel
-- conf: KeyFile key.pem
-- conf: Mode v
-- conf: TestPublicKeys keys.txt
-- conf: AlwaysAddARHeader yes
-- conf: X-Header yes

expect(SMFIR_ACCEPT, pass({}))
untouched()
