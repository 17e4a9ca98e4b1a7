-- A message without any sender field passes untouched.
-- conf: Domain example.org
-- conf: Selector sel
-- conf: KeyFile key.pem
-- conf: TestPublicKeys keys.txt
-- log: 4Q1234: no sender header found; accepting

expect(SMFIR_ACCEPT, pass({ fields = without(FIELDS, "From") }))
untouched()
