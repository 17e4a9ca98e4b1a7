-- A signature over another header: fail, and by default accepted.
-- conf: Mode v
-- conf: TestPublicKeys keys.txt
-- conf: AuthservID mx.example.net
-- sign signature: damage=header
-- log: 4Q1234: bad signature data

local fields = with(FIELDS, "DKIM-Signature", signature)
expect(SMFIR_ACCEPT, pass({ fields = fields }))
results("dkim=fail (verification failed)")
