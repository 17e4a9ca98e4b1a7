-- On-DNSError accept, of a key that cannot be had.
-- conf: Mode v
-- conf: Nameservers $N
-- conf: AuthservID mx.example.net
-- conf: On-DNSError accept
-- sign signature: d=elsewhere.example

expect(SMFIR_ACCEPT, pass({ fields = with(FIELDS, "DKIM-Signature", signature) }))
results("dkim=temperror")
