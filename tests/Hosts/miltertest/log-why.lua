-- LogWhy tells the way to the decision.
-- conf: Domain example.org
-- conf: Selector sel
-- conf: KeyFile key.pem
-- conf: LogWhy yes
-- conf: TestPublicKeys keys.txt
-- author: ann@other.example
-- log: 4Q1234 no signing domain match for `other.example'
-- log: 4Q1234 mode select: verifying

expect(SMFIR_ACCEPT, pass({}))
