-- dk-filter -c nofws.
-- arguments: -b s -d example.org -s key.pem -S sel -c nofws

expect(SMFIR_ACCEPT, pass({}))
check(inserted("DomainKey-Signature"):find("c=nofws", 1, true), inserted("DomainKey-Signature"))
