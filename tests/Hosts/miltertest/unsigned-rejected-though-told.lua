-- On-NoSignature counts with AlwaysAddARHeader, too.
-- conf: Mode v
-- conf: TestPublicKeys keys.txt
-- conf: AuthservID mx.example.net
-- conf: On-NoSignature reject
-- conf: AlwaysAddARHeader yes

expect(SMFIR_REPLYCODE, pass({}))
