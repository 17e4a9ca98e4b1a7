-- dk-filter: the domain says that it signs all its mail; by default the message is accepted all the same.
-- arguments: -b v -C no=r
-- key: _domainkey.example.org o=-
-- log: 4Q1234: signature missing

expect(SMFIR_ACCEPT, pass({}))
results("domainkeys=neutral (no signature)")
