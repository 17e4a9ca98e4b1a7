-- SyslogSuccess tells of signatures that pass.
-- conf: Mode v
-- conf: TestPublicKeys keys.txt
-- conf: AuthservID mx.example.net
-- conf: SyslogSuccess yes
-- sign signature:
-- log: 4Q1234 DKIM verification successful

local fields = with(FIELDS, "DKIM-Signature", signature)
expect(SMFIR_ACCEPT, pass({ fields = fields }))
