-- Without SubDomains a parent does not sign.
-- conf: Domain example.org
-- conf: Selector sel
-- conf: KeyFile key.pem
-- conf: Mode s
-- author: joe@a.example.org

expect(SMFIR_ACCEPT, pass({}))
untouched()
