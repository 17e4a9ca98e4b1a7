-- dk-filter: a domain that only tries DomainKeys out.
-- arguments: -b v
-- key: _domainkey.example.org t=y; o=~

expect(SMFIR_ACCEPT, pass({}))
results("domainkeys=neutral (no signature) (testing)")
