-- Mail of our domain for which the key list has nothing waits.
-- conf: Mode s
-- conf: Domain example.org
-- conf: KeyList keylist
-- file keylist: ann@example.org:example.org:key.pem
-- log: 4Q1234 no key selected for signing

expect(SMFIR_TEMPFAIL, pass({}))
