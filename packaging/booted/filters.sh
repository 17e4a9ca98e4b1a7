# The recipes of docs/milter.md with Postfix, and the mail that they promise. Sourced by packaging/test.

booted_recipe_milter_with_postfix() {
    follow milter
    follow milter-postfix
    send "own" joe@example.com alice@example.com
    signed_by "$(arrived alice "own")" example.com mail
    # Mail of programs of this machine
    inside su joe -s /bin/sh -c 'printf "Subject: local\nTo: alice@example.com\n\nHello.\n" | /usr/sbin/sendmail alice@example.com'
    signed_by "$(arrived alice "local")" example.com mail
    # Mail of others is verified, and not signed in our name.
    partner_message "theirs" > "$work/signed.eml"
    inside swaks --silent 2 --server 127.0.0.1 --local-interface 127.0.0.2 --from bob@partner.example --to alice@example.com \
        --data - < "$work/signed.eml"
    grep 'dkim=pass' "$root$(arrived alice "theirs")"
    send "forged" joe@example.com alice@example.com --local-interface 127.0.0.2
    unsigned "$(arrived alice "forged")"
    # The advice of the check leaves the service its key.
    inside dkim testkey --domain=example.com --selector=mail --key=/etc/dkim-filter/mail.private > "$work/said" 2>&1
    cat "$work/said"
    fails grep -iE 'chmod|chown' "$work/said"
}

booted_recipe_milter_by_a_socket_in_the_chroot() {
    follow milter
    sed -i '/^Socket/d' "$root/etc/dkim-filter/dkim-filter.conf"
    follow milter-postfix
    follow milter-socket
    send "socket" joe@example.com alice@example.com
    signed_by "$(arrived alice "socket")" example.com mail
    # Nobody else may hand in mail to be signed.
    inside sh -c '[ "$(stat -c "%U:%G %a" /var/spool/postfix/dkim-filter/dkim-filter.sock)" = "root:postfix 660" ]'
    inside systemctl reload dkim-filter
    send "reloaded" joe@example.com alice@example.com
    signed_by "$(arrived alice "reloaded")" example.com mail
}

booted_recipe_dk_filter_beside_dkim_filter() {
    follow milter
    follow milter-postfix
    follow dk-filter
    follow dk-filter-postfix
    send "both" joe@example.com alice@example.com
    local message
    message=$(arrived alice "both")
    grep '^DomainKey-Signature:' "$root$message"
    grep '^DKIM-Signature:' "$root$message"
    inside dkim verify "$message" | tee "$work/said"
    [ "$(grep -c pass "$work/said")" -ge 2 ]
}

booted_recipe_milter_signs_at_the_submission_port() {
    follow milter
    follow milter-postfix
    follow milter-submission
    # Of our net, and yet not among the internal hosts of the filter
    inside postconf -e 'mynetworks=127.0.0.1/32 127.0.0.3/32'
    inside systemctl reload postfix
    answers 587
    send "submitted" joe@example.com alice@example.com --local-interface 127.0.0.3 --port 587
    signed_by "$(arrived alice "submitted")" example.com mail
    # The port for everybody has another name.
    send "received" joe@example.com alice@example.com --local-interface 127.0.0.3
    unsigned "$(arrived alice "received")"
    # Strangers get no signature by going to the other port.
    fails send "strange" joe@example.com alice@example.com --local-interface 127.0.0.2 --port 587
}

# A content filter that changes nothing, so that what it hands back comes from this machine, whoever has sent it.
booted_recipe_milter_behind_a_content_filter() {
    follow milter
    follow milter-postfix
    follow milter-content-filter
    inside systemd-run --quiet systemd-socket-activate --listen=127.0.0.1:10024 /lib/systemd/systemd-socket-proxyd 127.0.0.1:10025
    inside postconf -e content_filter=smtp:[127.0.0.1]:10024
    inside systemctl reload postfix
    answers 10024
    answers 10025
    send "own" joe@example.com alice@example.com
    signed_by "$(arrived alice "own")" example.com mail
    [ "$(grep -c '^DKIM-Signature:' "$root$(arrived alice "own")")" = 1 ]
    send "forged" joe@example.com alice@example.com --local-interface 127.0.0.2
    unsigned "$(arrived alice "forged")"
    grep 'by mail.example.com (Postfix) with ESMTP' "$root$(arrived alice "forged")" > "$work/hops"
    [ "$(wc -l < "$work/hops")" = 2 ]
}

booted_recipe_milter_says_what_it_would_do() {
    follow milter
    # Who does as the page says is warned of nothing.
    fails grep -i warning "$work/said"
    printf 'From: joe@example.com\nSubject: asked\n\nHello.\n' > "$root/root/message.eml"
    follow milter-asking
    grep 'DKIM-Signature' "$work/said"
}
