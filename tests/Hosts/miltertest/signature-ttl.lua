-- SignatureTTL writes x=, so many seconds after t=.
-- conf: Domain example.org
-- conf: Selector sel
-- conf: KeyFile key.pem
-- conf: Mode s
-- conf: SignatureTTL 3600

expect(SMFIR_ACCEPT, pass({}))
check(tonumber(tag("x")) == tonumber(tag("t")) + 3600, "x=" .. tostring(tag("x")))
