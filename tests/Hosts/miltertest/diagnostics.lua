-- Diagnostics copies the header into z=.
-- conf: Domain example.org
-- conf: Selector sel
-- conf: KeyFile key.pem
-- conf: Mode s
-- conf: Diagnostics yes

expect(SMFIR_ACCEPT, pass({}))
check(tag("z"):find("Subject:", 1, true), "z=" .. tostring(tag("z")))
