-- A message is not signed when any recipient is in DontSignMailTo.
-- conf: Domain example.org
-- conf: Selector sel
-- conf: KeyFile key.pem
-- conf: Mode s
-- conf: DontSignMailTo *@list.example,bob@example.com
-- log: 4Q1234 skipping signing of mail to `x@list.example'

expect(SMFIR_ACCEPT, pass({ to = { "<ann@example.com>", "<x@list.example>" } }))
untouched()
expect(SMFIR_ACCEPT, pass({ to = { "<ann@example.com>" } }))
check(signed(), "not signed")
