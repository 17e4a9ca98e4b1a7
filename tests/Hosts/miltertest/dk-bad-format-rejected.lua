-- dk-filter -C bad=r refuses a signature that cannot be read.
-- arguments: -b v -C bad=r
-- domainkey signature: damage=syntax

expect(SMFIR_REPLYCODE, pass({ fields = with(FIELDS, "DomainKey-Signature", signature) }))
check(answered("550", "5.7.0", "DomainKeys signature syntax error"), "another reply")
