-- Sender decides before From whose mail it is.
-- conf: Domain example.org
-- conf: Selector sel
-- conf: KeyFile key.pem
-- conf: Mode s

expect(SMFIR_ACCEPT, pass({ fields = with(FIELDS, "Sender", "list@other.example") }))
check(not signed(), "signed for the domain of From")
expect(SMFIR_ACCEPT, pass({ fields = with(with(without(FIELDS, "From"), "From", "ann@other.example"), "Sender", "joe@example.org") }))
check(tag("d") == "example.org", "not signed for the domain of Sender")
