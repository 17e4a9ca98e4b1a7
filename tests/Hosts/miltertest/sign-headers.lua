-- SignHeaders stands in place of the recommended fields; From is always there.
-- conf: Domain example.org
-- conf: Selector sel
-- conf: KeyFile key.pem
-- conf: Mode s
-- conf: SignHeaders Subject,X-*

expect(SMFIR_ACCEPT, pass({ fields = with(FIELDS, "X-Mailer", "none") }))
check(tag("h"):gsub("%s", "") == "X-Mailer:From:Subject", "h=" .. tag("h"))
