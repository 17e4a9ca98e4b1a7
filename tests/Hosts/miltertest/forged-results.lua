-- Results of DKIM in our name are removed, with a job id behind it too; all else stays.
-- conf: Mode v
-- conf: TestPublicKeys keys.txt
-- conf: AuthservID mx.example.net

expect(SMFIR_ACCEPT, pass({ fields = with(FIELDS, "Authentication-Results", "MX.example.NET/4Q1; dkim=pass header.i=@bank.example") }))
check(deleted("Authentication-Results"), "the forged result stays")
for _, value in ipairs({ "other.example; dkim=pass", "mx.example.net; spf=pass" }) do
    expect(SMFIR_ACCEPT, pass({ fields = with(FIELDS, "Authentication-Results", value) }))
    check(not deleted("Authentication-Results"), "removed: " .. value)
end
