-- LocalADSP holds whatever the domain publishes.
-- conf: Mode v
-- conf: TestPublicKeys keys.txt
-- conf: AuthservID mx.example.net
-- key: _adsp._domainkey.example.org dkim=discardable
-- conf: ADSPDiscard yes
-- conf: LocalADSP local
-- file local: # ours
-- file local: example.org:unknown
-- file local: .example.org:all

expect(SMFIR_ACCEPT, pass({}))
expect(SMFIR_ACCEPT, pass({ fields = with(without(FIELDS, "From"), "From", "joe@mail.example.org") }))
results("x-dkim-adsp=fail")
