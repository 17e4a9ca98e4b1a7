-- Mail of our domain from an internal client is signed, on top of all fields.
-- conf: Domain example.org
-- conf: Selector sel
-- conf: KeyFile key.pem
-- conf: Mode s
-- conf: InternalHosts hosts
-- file hosts: 192.0.2.0/24

expect(SMFIR_ACCEPT, pass({ ip = "192.0.2.9" }))
check(tag("d") == "example.org" and tag("s") == "sel", "signed by another name")
check(tag("a") == "rsa-sha256" and tag("c") == "simple/simple", "signed in another way")
check(tag("t") ~= nil and tag("bh") ~= nil and tag("q") == nil, "tags")
check(inserted_at("DKIM-Signature", INSERT_TOP), "not on top")
