-- With SubDomains a parent signs, and i= names it too: a record with t=s allows no more.
-- conf: Domain example.org
-- conf: Selector sel
-- conf: KeyFile key.pem
-- conf: Mode s
-- conf: SubDomains yes
-- author: joe@a.b.example.org

expect(SMFIR_ACCEPT, pass({}))
check(tag("d") == "example.org", "d=" .. tostring(tag("d")))
check(tag("i") == "@example.org", "i=" .. tostring(tag("i")))
