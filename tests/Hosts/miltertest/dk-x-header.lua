-- dk-filter -h names the filter.
-- arguments: -b s -d example.org -s key.pem -S sel -h

expect(SMFIR_ACCEPT, pass({}))
check(inserted("X-DomainKeys"):find("mx.example.net 4Q1234", 1, true), tostring(inserted("X-DomainKeys")))
