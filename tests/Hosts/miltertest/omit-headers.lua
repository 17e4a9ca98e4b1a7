-- OmitHeaders leaves fields out, but never From.
-- conf: Domain example.org
-- conf: Selector sel
-- conf: KeyFile key.pem
-- conf: Mode s
-- conf: OmitHeaders Subject,From,Message-*

expect(SMFIR_ACCEPT, pass({}))
check(tag("h"):gsub("%s", "") == "From:To:Date", "h=" .. tag("h"))
