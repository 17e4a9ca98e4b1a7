-- dk-filter -C bad=r refuses what fails.
-- arguments: -b v -C bad=r
-- domainkey signature: damage=header

expect(SMFIR_REPLYCODE, pass({ fields = with(FIELDS, "DomainKey-Signature", signature) }))
check(answered("550", "5.7.0", "bad DomainKeys signature"), "another reply")
