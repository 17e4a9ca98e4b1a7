-- A signature that passes.
-- conf: Mode v
-- conf: TestPublicKeys keys.txt
-- conf: AuthservID mx.example.net
-- sign signature:

local fields = with(FIELDS, "DKIM-Signature", signature)
expect(SMFIR_ACCEPT, pass({ fields = fields }))
results("mx.example.net; dkim=pass (2048-bit key)")
results("header.i=@example.org")
