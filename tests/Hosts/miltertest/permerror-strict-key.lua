-- A key with t=s serves no sub-domain.
-- conf: Mode v
-- conf: TestPublicKeys keys.txt
-- conf: AuthservID mx.example.net
-- key: strict._domainkey.example.org v=DKIM1; t=s; p=$P
-- sign signature: s=strict; i=@mail.example.org

local fields = with(FIELDS, "DKIM-Signature", signature)
expect(SMFIR_ACCEPT, pass({ fields = fields }))
results("dkim=permerror (verification error: unauthorized subdomain)")
