-- On-Default stands for all the other actions.
-- conf: Mode v
-- conf: TestPublicKeys keys.txt
-- conf: AuthservID mx.example.net
-- conf: On-Default discard
-- sign signature: damage=header

local fields = with(FIELDS, "DKIM-Signature", signature)
expect(SMFIR_DISCARD, pass({ fields = fields }))
