-- RemoveOldSignatures takes away every signature that was there.
-- conf: Domain example.org
-- conf: Selector sel
-- conf: KeyFile key.pem
-- conf: Mode s
-- conf: RemoveOldSignatures yes
-- sign signature:

local fields = with(FIELDS, "DKIM-Signature", signature)
expect(SMFIR_ACCEPT, pass({ fields = with(fields, "DKIM-Signature", signature) }))
check(deleted("DKIM-Signature"), "the old ones stay")
check(signed(), "no new one")
