-- IPv6 clients are matched by number, prefixes and exceptions included.
-- conf: Domain example.org
-- conf: Selector sel
-- conf: KeyFile key.pem
-- conf: Mode s
-- conf: InternalHosts hosts
-- file hosts: 2001:db8::/32
-- file hosts: !IPv6:2001:db8::7

expect(SMFIR_ACCEPT, pass({ ip = "2001:db8:0::1" }))
check(signed(), "within the prefix")
expect(SMFIR_ACCEPT, pass({ ip = "2001:db8::7" }))
check(not signed(), "the exception")
expect(SMFIR_ACCEPT, pass({ ip = "2001:db9::1" }))
check(not signed(), "outside")
