# The recipes of docs/proxies.md with Postfix, and the mail that they promise. Sourced by packaging/test.

booted_recipe_proxy_signs_behind_the_queue() {
    follow proxies-out
    # Who does as the page says is warned of nothing.
    fails grep -i warning "$work/said"
    follow proxies-out-postfix
    answers 1587
    answers 10028
    send "proxied" joe@example.com alice@example.com --port 1587
    signed_by "$(arrived alice "proxied")" example.com mail
    # What comes in for everybody is not signed.
    send "received" joe@example.com alice@example.com
    unsigned "$(arrived alice "received")"
    # Standard error is the journal too, and yet each line is there once.
    logged 1 'DKIM signing - signed; .*, client=<127.0.0.1>, sender=<joe@example.com>'
    follow proxies-rotate
    send "rotated" joe@example.com alice@example.com --port 1587
    signed_by "$(arrived alice "rotated")" example.com next
    # What is wrong is refused by the check of the reload, or by the reload itself.
    echo 'example.com dkim(key=/etc/dkimproxy/gone)' > "$root/etc/dkimproxy/sender_map"
    echo 'sender_map /etc/dkimproxy/sender_map' >> "$root/etc/dkimproxy/dkimproxy_out.conf"
    fails inside systemctl reload dkimproxy-out
    inside systemctl kill --signal=HUP dkimproxy-out
    send "kept" joe@example.com alice@example.com --port 1587
    signed_by "$(arrived alice "kept")" example.com next
    logged 1 'not reloaded: /etc/dkimproxy/sender_map:1: '
}

booted_recipe_proxy_verifies_before_the_queue() {
    follow proxies-in
    answers 10026
    partner_message "theirs" > "$work/signed.eml"
    inside swaks --silent 2 --server 127.0.0.1 --local-interface 127.0.0.2 --from bob@partner.example --to alice@example.com \
        --data - < "$work/signed.eml"
    grep '^Authentication-Results: mx.example.com; dkim=pass' "$root$(arrived alice "theirs")"
    # A message with bare line ends is refused by the proxy, which says so.
    inside bash -c 'exec 3<> /dev/tcp/127.0.0.1/10025; say() { printf "$1" >&3; head -1 <&3; }
        head -1 <&3; say "HELO x\r\n"; say "MAIL FROM:<bob@partner.example>\r\n"; say "RCPT TO:<alice@example.com>\r\n"
        say "DATA\r\n"; say "From: bob@partner.example\nSubject: bare\n\nx\r\n.\r\n"' | tee "$work/replies"
    tail -1 "$work/replies" | grep '^550 '
    logged 1 'message refused - 550 .*from=<bob@partner.example>.*sender=<bob@partner.example>'
}

booted_recipe_proxy_has_other_keys_for_other_senders() {
    follow proxies-out
    follow proxies-out-postfix
    follow proxies-senders
    answers 1587
    answers 10028
    send "chief" ceo@example.com alice@example.com --port 1587
    signed_by "$(arrived alice "chief")" example.com ceo
    send "domain" joe@example.com alice@example.com --port 1587
    signed_by "$(arrived alice "domain")" example.com mail
    send "other" joe@example.org alice@example.com --port 1587
    signed_by "$(arrived alice "other")" example.org mail
    [ "$(grep -c 'pass d=example.org s=mail' "$work/verified")" = 2 ]
}

booted_recipe_proxy_between_postfix_and_an_lmtp_server() {
    follow proxies-lmtp
    answers 24
    partner_message "theirs" > "$work/signed.eml"
    inside swaks --silent 2 --server 127.0.0.1 --local-interface 127.0.0.2 --from bob@partner.example \
        --to alice@example.com,joe@example.com --data - < "$work/signed.eml"
    local user
    for user in alice joe; do
        grep '^Authentication-Results: mx.example.com; dkim=pass' "$root$(arrived $user "theirs")"
        grep '^Received: .*Dovecot\|^Delivered-To: ' "$root$(arrived $user "theirs")"
    done
}
