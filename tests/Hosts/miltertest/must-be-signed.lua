-- MustBeSigned: a field that is there must be signed.
-- conf: Mode v
-- conf: TestPublicKeys keys.txt
-- conf: AuthservID mx.example.net
-- conf: MustBeSigned Subject
-- sign signature: h=From:To:Date
-- sign whole:

local fields = with(FIELDS, "DKIM-Signature", signature)
expect(SMFIR_ACCEPT, pass({ fields = fields }))
results("dkim=permerror (verification error: unprotected header field)")
expect(SMFIR_ACCEPT, pass({ fields = with(FIELDS, "DKIM-Signature", whole) }))
results("dkim=pass")
