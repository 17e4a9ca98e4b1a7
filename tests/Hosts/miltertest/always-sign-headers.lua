-- AlwaysSignHeaders names fields that the message has not.
-- conf: Domain example.org
-- conf: Selector sel
-- conf: KeyFile key.pem
-- conf: Mode s
-- conf: AlwaysSignHeaders Reply-To,Subject

expect(SMFIR_ACCEPT, pass({}))
local named = tag("h"):gsub("%s", "")
check(named == "From:To:Subject:Date:Message-ID:Reply-To", "h=" .. named)
