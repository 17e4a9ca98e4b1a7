-- A header beyond MaximumHeaders is a matter of On-Security.
-- conf: Domain example.org
-- conf: Selector sel
-- conf: KeyFile key.pem
-- conf: Mode s
-- conf: MaximumHeaders 300
-- conf: On-Security tempfail
-- log: too much header data

local reply = pass({ fields = with(FIELDS, "X-Long", string.rep("x", 400)) })
expect(SMFIR_TEMPFAIL, reply)
