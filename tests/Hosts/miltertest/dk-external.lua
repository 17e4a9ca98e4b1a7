-- dk-filter does not sign for clients outside.
-- arguments: -b s -d example.org -s key.pem -S sel

expect(SMFIR_ACCEPT, pass({ ip = "192.0.2.9" }))
untouched()
