-- What would be verified is let through when the mode is signing alone.
-- conf: Domain example.org
-- conf: Selector sel
-- conf: KeyFile key.pem
-- conf: Mode s
-- conf: AlwaysAddARHeader yes
-- conf: X-Header yes

expect(SMFIR_ACCEPT, pass({ ip = "192.0.2.9" }))
untouched()
