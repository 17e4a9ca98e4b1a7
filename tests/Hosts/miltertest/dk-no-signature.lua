-- dk-filter tells of messages without a signature.
-- arguments: -b v -C miss=r
-- log: 4Q1234: no signature data

expect(SMFIR_ACCEPT, pass({}))
results("domainkeys=neutral (no signature) header.from=joe@example.org")
