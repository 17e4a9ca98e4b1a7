-- The first pattern of the key list that matches signs; its selector is the name of the file.
-- conf: Mode s
-- conf: KeyList keylist
-- file keylist: # comment
-- file keylist: ann@example.org:other.example:key.pem
-- file keylist: *@example.org:*:key
-- file keylist: *:never.example:key.pem

expect(SMFIR_ACCEPT, pass({}))
check(tag("d") == "example.org" and tag("s") == "key", tostring(tag("d")) .. " " .. tostring(tag("s")))
expect(SMFIR_ACCEPT, pass({ fields = with(without(FIELDS, "From"), "From", "ann@example.org") }))
check(tag("d") == "other.example" and tag("s") == "key.pem", tostring(tag("d")) .. " " .. tostring(tag("s")))
