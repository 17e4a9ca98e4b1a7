-- Canonicalization: one word sets the header's alone.
-- conf: Domain example.org
-- conf: Selector sel
-- conf: KeyFile key.pem
-- conf: Mode s
-- conf: Canonicalization relaxed

expect(SMFIR_ACCEPT, pass({}))
check(tag("c") == "relaxed/simple", "c=" .. tostring(tag("c")))
