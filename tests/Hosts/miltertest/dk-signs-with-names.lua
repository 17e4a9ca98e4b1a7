-- dk-filter -H names the signed fields.
-- arguments: -b s -d example.org -s key.pem -S sel -H

expect(SMFIR_ACCEPT, pass({ fields = with(FIELDS, "Received", "from a by b") }))
local signature = inserted("DomainKey-Signature") or error("not signed")
check(signature:gsub("%s", ""):find("h=received:from:to:subject:date:message-id;", 1, true), signature)
