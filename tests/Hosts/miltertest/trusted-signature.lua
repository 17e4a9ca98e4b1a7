-- TrustSignaturesFrom: listed domains count, and the author's own.
-- conf: Mode v
-- conf: TestPublicKeys keys.txt
-- conf: AuthservID mx.example.net
-- conf: TrustSignaturesFrom trusted.example
-- key: sel._domainkey.trusted.example v=DKIM1; p=$P
-- sign signature: d=trusted.example
-- sign author_s:

local fields = with(FIELDS, "DKIM-Signature", signature)
expect(SMFIR_ACCEPT, pass({ fields = fields }))
results("dkim=pass")
expect(SMFIR_ACCEPT, pass({ fields = with(FIELDS, "DKIM-Signature", author_s) }))
results("dkim=pass")
