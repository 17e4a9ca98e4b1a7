-- With a key that says t=y a signature that fails is neutral.
-- conf: Mode v
-- conf: TestPublicKeys keys.txt
-- conf: AuthservID mx.example.net
-- key: test._domainkey.example.org v=DKIM1; t=y; p=$P
-- sign signature: s=test; damage=header

local fields = with(FIELDS, "DKIM-Signature", signature)
expect(SMFIR_ACCEPT, pass({ fields = fields }))
results("dkim=neutral (verification failed)")
