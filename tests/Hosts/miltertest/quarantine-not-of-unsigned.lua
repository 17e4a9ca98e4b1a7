-- Quarantine does not hold what is merely unsigned.
-- conf: Mode v
-- conf: TestPublicKeys keys.txt
-- conf: AuthservID mx.example.net
-- conf: Quarantine yes
-- conf: AlwaysAddARHeader yes

expect(SMFIR_ACCEPT, pass({}))
check(not quarantined(), "held")
results("dkim=none")
