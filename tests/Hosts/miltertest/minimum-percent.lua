-- Minimum 50%: a signature must cover enough of the body.
-- conf: Mode v
-- conf: TestPublicKeys keys.txt
-- conf: AuthservID mx.example.net
-- conf: Minimum 50%
-- sign signature: l=9
-- sign enough: l=15

local fields = with(FIELDS, "DKIM-Signature", signature)
expect(SMFIR_ACCEPT, pass({ fields = fields }))
results("dkim=permerror (partial verification)")
expect(SMFIR_ACCEPT, pass({ fields = with(FIELDS, "DKIM-Signature", enough) }))
results("dkim=pass")
