-- A failing signature of a domain that only tries its signatures is as none, so On-NoSignature decides.
-- conf: Mode v
-- conf: TestPublicKeys keys.txt
-- conf: AuthservID mx.example.net
-- conf: On-NoSignature reject
-- key: test._domainkey.example.org v=DKIM1; t=y; p=$P
-- sign signature: s=test; damage=header

expect(SMFIR_REPLYCODE, pass({ fields = with(FIELDS, "DKIM-Signature", signature) }))
