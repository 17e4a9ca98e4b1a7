-- RequiredHeaders: a message without Date is not signed, and not refused.
-- conf: Domain example.org
-- conf: Selector sel
-- conf: KeyFile key.pem
-- conf: Mode s
-- conf: RequiredHeaders yes
-- log: 4Q1234 RFC2822 header requirement error

expect(SMFIR_ACCEPT, pass({ fields = without(FIELDS, "Date") }))
check(not signed(), "signed")
expect(SMFIR_ACCEPT, pass({}))
check(signed(), "a complete one is not signed")
