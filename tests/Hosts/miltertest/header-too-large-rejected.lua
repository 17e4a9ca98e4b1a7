-- A header beyond MaximumHeaders is refused where On-Security says so.
-- conf: Domain example.org
-- conf: Selector sel
-- conf: KeyFile key.pem
-- conf: Mode s
-- conf: MaximumHeaders 300
-- conf: On-Security reject

local reply = pass({ fields = with(FIELDS, "X-Long", string.rep("x", 400)) })
check(reply == SMFIR_REPLYCODE or reply == SMFIR_REJECT, "not refused")
