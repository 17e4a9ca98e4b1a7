-- Mail of our domain from outside is verified, and the log says who tried.
-- conf: Domain example.org
-- conf: Selector sel
-- conf: KeyFile key.pem
-- conf: TestPublicKeys keys.txt
-- conf: AlwaysAddARHeader yes
-- conf: AuthservID mx.example.net
-- log: 4Q1234 external host client.example.org attempted to send as example.org

expect(SMFIR_ACCEPT, pass({ ip = "192.0.2.9" }))
check(not signed(), "signed")
results("dkim=none")
