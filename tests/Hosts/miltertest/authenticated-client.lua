-- Mail of a client that has authenticated is ours.
-- conf: Domain example.org
-- conf: Selector sel
-- conf: KeyFile key.pem
-- conf: Mode s

expect(SMFIR_ACCEPT, pass({ ip = "192.0.2.9", auth = "PLAIN" }))
check(signed(), "not signed")
