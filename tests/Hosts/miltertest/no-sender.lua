-- A message without any sender field is judged like any other: unsigned, it passes untouched by default.
-- conf: Domain example.org
-- conf: Selector sel
-- conf: KeyFile key.pem
-- conf: TestPublicKeys keys.txt
-- log: 4Q1234: no sender header found; verifying

expect(SMFIR_ACCEPT, pass({ fields = without(FIELDS, "From") }))
untouched()
