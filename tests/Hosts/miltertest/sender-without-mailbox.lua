-- A sender field that holds no mailbox leaves the message untouched.
-- conf: Domain example.org
-- conf: Selector sel
-- conf: KeyFile key.pem
-- conf: TestPublicKeys keys.txt
-- log: 4Q1234: can't parse From: header value

expect(SMFIR_ACCEPT, pass({ fields = with(without(FIELDS, "From"), "From", "nobody at all") }))
untouched()
