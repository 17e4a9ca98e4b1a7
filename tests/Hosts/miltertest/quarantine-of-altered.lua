-- Quarantine holds what fails; the action still applies.
-- conf: Mode v
-- conf: TestPublicKeys keys.txt
-- conf: AuthservID mx.example.net
-- conf: Quarantine yes
-- sign signature: damage=header

local fields = with(FIELDS, "DKIM-Signature", signature)
expect(SMFIR_ACCEPT, pass({ fields = fields }))
check(quarantined("dkim-filter: fail: verification failed"), "not held, or for another reason")
