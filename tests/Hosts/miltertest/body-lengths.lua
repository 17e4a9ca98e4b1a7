-- BodyLengths writes l=, the length of the whole body.
-- conf: Domain example.org
-- conf: Selector sel
-- conf: KeyFile key.pem
-- conf: Mode s
-- conf: BodyLengths yes

expect(SMFIR_ACCEPT, pass({}))
check(tag("l") == tostring(#BODY), "l=" .. tostring(tag("l")))
