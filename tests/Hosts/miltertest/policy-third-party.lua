-- A good signature of another domain does not satisfy a policy.
-- conf: Mode v
-- conf: TestPublicKeys keys.txt
-- conf: AuthservID mx.example.net
-- key: _adsp._domainkey.example.org dkim=all
-- key: sel._domainkey.other.example v=DKIM1; p=$P
-- sign signature: d=other.example

local fields = with(FIELDS, "DKIM-Signature", signature)
expect(SMFIR_ACCEPT, pass({ fields = fields }))
results("dkim=pass")
results("x-dkim-adsp=fail")
