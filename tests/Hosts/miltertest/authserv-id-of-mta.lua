-- Without AuthservID the name is the MTA's; a slash in it calls for quotes (RFC 8601).
-- conf: Mode v
-- conf: TestPublicKeys keys.txt
-- conf: AuthservIDWithJobID yes
-- sign signature:

local fields = with(FIELDS, "DKIM-Signature", signature)
expect(SMFIR_ACCEPT, pass({ fields = fields }))
results('"mx.example.net/4Q1234"; dkim=pass')
