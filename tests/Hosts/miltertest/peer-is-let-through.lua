-- A client in PeerList is let through when it connects.
-- conf: Domain example.org
-- conf: Selector sel
-- conf: KeyFile key.pem
-- conf: Mode s
-- conf: PeerList peers
-- file peers: 192.0.2.0/24
-- file peers: !192.0.2.7

local reply, stage = pass({ ip = "192.0.2.1" })
expect(SMFIR_ACCEPT, reply, stage)
check(stage == "connect", "accepted at " .. stage)
local reply, stage = pass({ ip = "192.0.2.7" })
check(stage ~= "connect", "the exception was let through, too")
