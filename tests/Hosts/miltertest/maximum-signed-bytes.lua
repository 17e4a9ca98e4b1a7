-- MaximumSignedBytes signs no more of the body, and the MTA may keep the rest.
-- conf: Domain example.org
-- conf: Selector sel
-- conf: KeyFile key.pem
-- conf: Mode s
-- conf: MaximumSignedBytes 10

local piece = string.rep(string.rep("x", 70) .. "\r\n", 800)
local reply, stage, body = pass({ body = { piece, piece, piece } })
expect(SMFIR_ACCEPT, reply, stage)
check(tag("l") == "10", "l=" .. tostring(tag("l")))
check(body == SMFIR_SKIP, "the filter reads on")
