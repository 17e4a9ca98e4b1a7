-- LogWhy says why a message of ours is signed or not.
-- conf: Domain example.org
-- conf: Selector sel
-- conf: KeyFile key.pem
-- conf: LogWhy yes
-- conf: TestPublicKeys keys.txt
-- log: 4Q1234 mode select: signing
-- log: 4Q9999 not internal
-- log: 4Q9999 not authenticated

expect(SMFIR_ACCEPT, pass({}))
expect(SMFIR_ACCEPT, pass({ ip = "192.0.2.9", id = "4Q9999" }))
