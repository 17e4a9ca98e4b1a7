-- X-Header names the filter above everything, on signed mail too.
-- conf: Domain example.org
-- conf: Selector sel
-- conf: KeyFile key.pem
-- conf: Mode s
-- conf: X-Header yes

expect(SMFIR_ACCEPT, pass({}))
check(inserted("X-DKIM"):find("mx.example.net 4Q1234", 1, true), tostring(inserted("X-DKIM")))
