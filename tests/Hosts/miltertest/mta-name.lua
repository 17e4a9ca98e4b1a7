-- Mail that came in at a named daemon of the MTA is ours.
-- conf: Domain example.org
-- conf: Selector sel
-- conf: KeyFile key.pem
-- conf: Mode s
-- conf: MTA MSA,Other

expect(SMFIR_ACCEPT, pass({ ip = "192.0.2.9", daemon = "msa" }))
check(signed(), "not signed")
expect(SMFIR_ACCEPT, pass({ ip = "192.0.2.9", daemon = "MTA" }))
check(not signed(), "signed for another daemon")
