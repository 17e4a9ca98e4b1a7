-- SyslogSuccess tells of signatures made.
-- conf: Domain example.org
-- conf: Selector sel
-- conf: KeyFile key.pem
-- conf: Mode s
-- conf: SyslogSuccess yes
-- log: 4Q1234 "DKIM-Signature" header added

expect(SMFIR_ACCEPT, pass({}))
