-- A * in Domain makes patterns of its entries; d= is the sender's own domain.
-- conf: Mode s
-- conf: Domain *.example.org,other.example
-- conf: Selector sel
-- conf: KeyFile key.pem
-- author: joe@mail.EXAMPLE.org

expect(SMFIR_ACCEPT, pass({}))
check(tag("d") == "mail.example.org", "d=" .. tostring(tag("d")))
