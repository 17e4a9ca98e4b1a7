-- dk-filter -C miss=r refuses an unsigned message of a domain that signs all its mail.
-- arguments: -b v -C miss=r
-- key: _domainkey.example.org o=-

expect(SMFIR_REPLYCODE, pass({}))
check(answered("550", "5.7.0", "DomainKeys signature missing"), "another reply")
