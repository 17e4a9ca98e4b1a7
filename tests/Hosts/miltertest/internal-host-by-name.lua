-- An internal client may be known by its name, and an exception takes one out.
-- conf: Domain example.org
-- conf: Selector sel
-- conf: KeyFile key.pem
-- conf: Mode s
-- conf: InternalHosts hosts
-- file hosts: .example.net
-- file hosts: !bad.example.net

expect(SMFIR_ACCEPT, pass({ host = "pc1.example.net", ip = "192.0.2.9" }))
check(signed(), "a host below the domain")
expect(SMFIR_ACCEPT, pass({ host = "bad.example.net", ip = "192.0.2.9" }))
check(not signed(), "the exception")
expect(SMFIR_ACCEPT, pass({ host = "example.net", ip = "192.0.2.9" }))
check(not signed(), "the domain itself")
