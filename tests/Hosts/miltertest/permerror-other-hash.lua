-- A key that cannot serve: signature-key hash mismatch.
-- conf: Mode v
-- conf: TestPublicKeys keys.txt
-- conf: AuthservID mx.example.net
-- key: odd._domainkey.example.org v=DKIM1; h=sha1; p=$P
-- sign signature: s=odd

local fields = with(FIELDS, "DKIM-Signature", signature)
expect(SMFIR_ACCEPT, pass({ fields = fields }))
results("dkim=permerror (verification error: signature-key hash mismatch)")
