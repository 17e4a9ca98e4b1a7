-- With SubDomains a parent signs, and i= names the sender's own domain.
-- conf: Domain example.org
-- conf: Selector sel
-- conf: KeyFile key.pem
-- conf: Mode s
-- conf: SubDomains yes
-- author: joe@a.b.example.org

expect(SMFIR_ACCEPT, pass({}))
check(tag("d") == "example.org", "d=" .. tostring(tag("d")))
check(tag("i") == "@a.b.example.org", "i=" .. tostring(tag("i")))
