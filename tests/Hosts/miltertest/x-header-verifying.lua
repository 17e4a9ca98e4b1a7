-- X-Header names the filter on verified mail, too.
-- conf: Mode v
-- conf: TestPublicKeys keys.txt
-- conf: AuthservID mx.example.net
-- conf: X-Header yes
-- sign signature:

local fields = with(FIELDS, "DKIM-Signature", signature)
expect(SMFIR_ACCEPT, pass({ fields = fields }))
check(inserted("X-DKIM"):find("mx.example.net 4Q1234", 1, true), tostring(inserted("X-DKIM")))
results("dkim=pass")
