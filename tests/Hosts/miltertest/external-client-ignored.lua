-- No word of clients in ExternalIgnoreList.
-- conf: Domain example.org
-- conf: Selector sel
-- conf: KeyFile key.pem
-- conf: Mode sv
-- conf: TestPublicKeys keys.txt
-- conf: ExternalIgnoreList ignored
-- file ignored: 192.0.2.9
-- no log: external host

expect(SMFIR_ACCEPT, pass({ ip = "192.0.2.9" }))
check(not signed(), "signed")
