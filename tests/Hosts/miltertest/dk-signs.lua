-- dk-filter signs with one key, and without h= unless told.
-- arguments: -b s -d example.org -s key.pem -S sel

expect(SMFIR_ACCEPT, pass({}))
local signature = inserted("DomainKey-Signature") or error("not signed")
check(signature:find("d=example.org", 1, true) and signature:find("s=sel", 1, true), signature)
check(signature:find("a=rsa-sha1", 1, true) and signature:find("c=simple", 1, true), signature)
check(not signature:find("h=", 1, true), signature)
