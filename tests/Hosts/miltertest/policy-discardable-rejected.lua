-- ADSPDiscard refuses it.
-- conf: Mode v
-- conf: TestPublicKeys keys.txt
-- conf: AuthservID mx.example.net
-- key: _adsp._domainkey.example.org dkim=discardable
-- conf: ADSPDiscard yes
-- log: 4Q1234 rejected per sender domain policy

expect(SMFIR_REPLYCODE, pass({}))
check(answered("550", "5.7.1", "rejected due to DKIM ADSP evaluation"), "another reply")
