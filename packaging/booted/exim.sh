# The recipe of docs/proxies.md with Exim, which takes the place of Postfix. Sourced by packaging/test.

booted_recipe_proxy_behind_exim() {
    inside debconf-set-selections << 'END'
exim4-config exim4/dc_eximconfig_configtype select internet site; mail is sent and received directly using SMTP
exim4-config exim4/dc_other_hostnames string example.com
exim4-config exim4/dc_relay_domains string backup.example
exim4-config exim4/dc_localdelivery select Maildir format in home directory
END
    install_later exim4
    connect_elsewhere
    follow proxies-out
    follow proxies-exim
    answers 587
    answers 10028
    send "out" joe@example.com ann@elsewhere.example --port 587
    signed_by "$(queued "out")" example.com mail
    # Port 25 is everybody's.
    send "unsigned" joe@example.com ann@elsewhere.example
    unsigned "$(queued "unsigned")"
    # Strangers get no signature by going to the other port: neither for our users nor for domains that we relay for.
    printf 'backup.example. IN MX 10 mail.elsewhere.example.\n' >> "$root/etc/nsd/zone"
    inside systemctl restart nsd
    send_from_elsewhere "forged" joe@example.com alice@example.com --port 587
    unsigned "$(arrived alice "forged")"
    send_from_elsewhere "relayed" joe@example.com ann@backup.example --port 587
    unsigned "$(queued "relayed")"
    fails send_from_elsewhere "refused" joe@example.com ann@partner.example --port 587
}
