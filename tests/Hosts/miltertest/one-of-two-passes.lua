-- Of several signatures one that passes decides, and the log names all domains.
-- conf: Mode v
-- conf: TestPublicKeys keys.txt
-- conf: AuthservID mx.example.net
-- sign signature:
-- sign damaged: damage=header; d=other.example
-- key: sel._domainkey.other.example v=DKIM1; k=rsa; p=$P
-- log: message has signatures from

local fields = with(FIELDS, "DKIM-Signature", signature)
expect(SMFIR_ACCEPT, pass({ fields = with(fields, "DKIM-Signature", damaged) }))
results("dkim=pass (2048-bit key)")
results("header.i=@example.org")
