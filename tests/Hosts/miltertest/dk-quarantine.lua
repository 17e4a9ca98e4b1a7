-- dk-filter -q holds what fails.
-- arguments: -b v -q
-- domainkey signature: damage=body

expect(SMFIR_ACCEPT, pass({ fields = with(FIELDS, "DomainKey-Signature", signature) }))
check(quarantined("dk-filter: fail: bad signature"), "not held")
