-- Mail of a domain that is not ours is not signed.
-- conf: Domain example.org
-- conf: Selector sel
-- conf: KeyFile key.pem
-- conf: Mode s
-- author: ann@other.example

expect(SMFIR_ACCEPT, pass({}))
untouched()
