-- ADSPNoSuchDomain refuses mail of a domain that does not exist.
-- conf: Mode v
-- conf: TestPublicKeys keys.txt
-- conf: AuthservID mx.example.net
-- conf: ADSPNoSuchDomain yes
-- author: ann@nowhere.example
-- log: 4Q1234 sender domain does not exist

expect(SMFIR_REPLYCODE, pass({}))
check(answered("550", "5.7.1", "sender domain does not exist"), "another reply")
