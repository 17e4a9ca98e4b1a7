-- Mail with a macro of MacroList is ours; values compare without regard to case.
-- conf: Domain example.org
-- conf: Selector sel
-- conf: KeyFile key.pem
-- conf: Mode s
-- conf: MacroList {customer}=yes|gold

expect(SMFIR_ACCEPT, pass({ ip = "192.0.2.9", macros = { ["{customer}"] = "Gold" } }))
check(signed(), "not signed")
expect(SMFIR_ACCEPT, pass({ ip = "192.0.2.9", macros = { ["{customer}"] = "silver" } }))
check(not signed(), "signed for another value")
