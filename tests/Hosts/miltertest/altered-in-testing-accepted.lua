-- Who says t=y only tries his signatures: one that fails is as none, whatever On-BadSignature says.
-- conf: Mode v
-- conf: TestPublicKeys keys.txt
-- conf: AuthservID mx.example.net
-- conf: On-BadSignature reject
-- key: test._domainkey.example.org v=DKIM1; t=y; p=$P
-- sign signature: s=test; damage=header

local fields = with(FIELDS, "DKIM-Signature", signature)
expect(SMFIR_ACCEPT, pass({ fields = fields }))
results("dkim=neutral (verification failed)")
