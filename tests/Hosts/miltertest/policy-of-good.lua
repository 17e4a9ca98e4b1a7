-- A good author signature satisfies the sender's policy.
-- conf: Mode v
-- conf: TestPublicKeys keys.txt
-- conf: AuthservID mx.example.net
-- key: _adsp._domainkey.example.org dkim=all
-- sign signature:

local fields = with(FIELDS, "DKIM-Signature", signature)
expect(SMFIR_ACCEPT, pass({ fields = fields }))
results("dkim=pass")
results("x-dkim-adsp=pass")
