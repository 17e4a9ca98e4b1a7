-- dk-filter -C no=r refuses them.
-- arguments: -b v -C no=r

expect(SMFIR_REPLYCODE, pass({}))
check(answered("550", "5.7.0", "no DomainKeys signature data"), "another reply")
