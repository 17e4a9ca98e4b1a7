-- Mail of a domain that does not exist is accepted by default; with AlwaysAddARHeader the result is told.
-- conf: Mode v
-- conf: TestPublicKeys keys.txt
-- conf: AuthservID mx.example.net
-- conf: AlwaysAddARHeader yes
-- author: ann@nowhere.example

expect(SMFIR_ACCEPT, pass({}))
results("x-dkim-adsp=nxdomain")
