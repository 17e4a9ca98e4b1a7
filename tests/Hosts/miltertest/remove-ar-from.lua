-- RemoveARFrom removes results in other names.
-- conf: Mode v
-- conf: TestPublicKeys keys.txt
-- conf: AuthservID mx.example.net
-- conf: RemoveARFrom a.example,.b.example

for _, name in ipairs({ "a.example", "x.b.example", "A.Example" }) do
    expect(SMFIR_ACCEPT, pass({ fields = with(FIELDS, "Authentication-Results", name .. "; dkim=pass") }))
    check(deleted("Authentication-Results"), "it stays: " .. name)
end
expect(SMFIR_ACCEPT, pass({ fields = with(FIELDS, "Authentication-Results", "b.example; dkim=pass") }))
check(not deleted("Authentication-Results"), "removed: the domain itself")
