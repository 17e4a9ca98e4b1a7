-- A sender field that holds no mailbox does not keep it from being judged: unsigned, it passes untouched by default.
-- conf: Domain example.org
-- conf: Selector sel
-- conf: KeyFile key.pem
-- conf: TestPublicKeys keys.txt
-- log: 4Q1234: can't parse From: header value

expect(SMFIR_ACCEPT, pass({ fields = with(without(FIELDS, "From"), "From", "nobody at all") }))
untouched()
