-- A revoked key: the result is told.
-- conf: Mode v
-- conf: TestPublicKeys keys.txt
-- conf: AuthservID mx.example.net
-- key: gone._domainkey.example.org v=DKIM1; p=
-- sign signature: s=gone

local fields = with(FIELDS, "DKIM-Signature", signature)
expect(SMFIR_ACCEPT, pass({ fields = fields }))
results("dkim=permerror (revoked)")
