-- On-BadSignature tempfail.
-- conf: Mode v
-- conf: TestPublicKeys keys.txt
-- conf: AuthservID mx.example.net
-- conf: On-BadSignature tempfail
-- sign signature: damage=header

local fields = with(FIELDS, "DKIM-Signature", signature)
expect(SMFIR_TEMPFAIL, pass({ fields = fields }))
