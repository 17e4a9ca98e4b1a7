-- Resent-From decides before Sender and From.
-- conf: Domain example.org
-- conf: Selector sel
-- conf: KeyFile key.pem
-- conf: Mode s

local fields = with(with(FIELDS, "Sender", "ann@other.example"), "Resent-From", "joe@example.org")
expect(SMFIR_ACCEPT, pass({ fields = fields }))
check(tag("d") == "example.org", "not signed")
