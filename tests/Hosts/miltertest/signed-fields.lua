-- h= names the recommended fields in the order of the message, each occurrence.
-- conf: Domain example.org
-- conf: Selector sel
-- conf: KeyFile key.pem
-- conf: Mode s

local fields = with(with(with(FIELDS, "X-Mailer", "none"), "Cc", "b@example.com"), "Received", "from a by b")
expect(SMFIR_ACCEPT, pass({ fields = fields }))
check(tag("h"):gsub("%s", "") == "Cc:From:To:Subject:Date:Message-ID", "h=" .. tag("h"))
