-- Unsigned mail of a domain that wants it discarded: told, and accepted without ADSPDiscard.
-- conf: Mode v
-- conf: TestPublicKeys keys.txt
-- conf: AuthservID mx.example.net
-- key: _adsp._domainkey.example.org dkim=discardable

expect(SMFIR_ACCEPT, pass({}))
results("x-dkim-adsp=discard")
