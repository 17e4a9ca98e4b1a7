-- TrustSignaturesFrom: the signature of another domain is as if it were not there.
-- conf: Mode v
-- conf: TestPublicKeys keys.txt
-- conf: AuthservID mx.example.net
-- conf: TrustSignaturesFrom trusted.example
-- key: sel._domainkey.other.example v=DKIM1; p=$P
-- sign signature: d=other.example
-- log: 4Q1234 ignoring signature from other.example

local fields = with(FIELDS, "DKIM-Signature", signature)
expect(SMFIR_ACCEPT, pass({ fields = fields }))
check(inserted("Authentication-Results") == nil, "it has a result")
