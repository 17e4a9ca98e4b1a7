-- Unsigned mail of a domain that signs everything is suspicious: it gets a result.
-- conf: Mode v
-- conf: TestPublicKeys keys.txt
-- conf: AuthservID mx.example.net
-- key: _adsp._domainkey.example.org dkim=all

expect(SMFIR_ACCEPT, pass({}))
results("dkim=none")
results("x-dkim-adsp=fail")
