-- A signature that cannot count: invalid domain coverage.
-- conf: Mode v
-- conf: TestPublicKeys keys.txt
-- conf: AuthservID mx.example.net
-- sign signature: i=joe@other.example

local fields = with(FIELDS, "DKIM-Signature", signature)
expect(SMFIR_ACCEPT, pass({ fields = fields }))
results("dkim=permerror (verification error: invalid domain coverage)")
