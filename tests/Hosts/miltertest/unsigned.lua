-- An unsigned message gets nothing.
-- conf: Mode v
-- conf: TestPublicKeys keys.txt
-- conf: AuthservID mx.example.net

expect(SMFIR_ACCEPT, pass({}))
untouched()
