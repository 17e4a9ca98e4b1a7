# The recipes of docs/qmail.md. Debian has no qmail: tcpserver, tcprules and softlimit are the real ones, qmail-smtpd and
# qmail-queue stand-ins, with the users and groups of theirs. Sourced by packaging/test.

prepare_qmail() {
    install -d "$root/var/qmail/bin"
    cp packaging/booted/stand-ins/* "$root/var/qmail/bin/"
    inside groupadd nofiles
    inside useradd --gid nofiles --home-dir /var/qmail --shell /bin/false qmaild
    inside systemctl stop postfix
    follow qmail-install
    follow qmail-smtpd
    follow qmail-rules
    follow qmail-keys
    # dknewkey names it as within the zone of the domain.
    sed 's/^default._domainkey\t/default._domainkey.example.com.\t/' "$work/records" >> "$root/etc/nsd/zone"
    inside systemctl restart nsd
    inside sh /var/qmail/supervise/qmail-smtpd/run > "$work/tcpserver" 2>&1 &
    answers 25
}

booted_recipe_qmail_by_the_rules_of_tcpserver() {
    prepare_qmail
    connect_elsewhere
    send "own" joe@example.com alice@example.org
    inside dkim verify "$(queued "own")" | tee "$work/said"
    grep 'domainkeys 1: pass d=example.com s=default' "$work/said"
    # Mail of strangers is verified, and not signed in our name.
    partner_message "theirs" > "$work/signed.eml"
    elsewhere swaks --silent 2 --server 203.0.113.1 --from bob@partner.example --to alice@example.com --data - < "$work/signed.eml"
    grep 'dkim=pass' "$root$(queued "theirs")"
    send_from_elsewhere "forged" joe@example.com alice@example.com
    fails grep -i '^DomainKey-Signature:' "$root$(queued "forged")"
    # What is spoilt on the way is told; the next program has the ids of its caller, and the caller cannot read the key.
    local ids
    ids=$(queued "own")
    grep 'qmaild' "$root${ids%.message}.ids"
    fails grep 'dkim-keys' "$root${ids%.message}.ids"
    fails inside setpriv --reuid=qmaild --regid=nofiles --clear-groups cat /etc/domainkeys/example.com/default
    cat "$work/tcpserver"
    # An upgrade keeps group and mode.
    inside apt-get install -qq --yes "/root/$(basename "$next_package")"
    [ "$(inside stat -c '%G %a' /usr/sbin/qmail-dk)" = "dkim-keys 2755" ]
    send "upgraded" joe@example.com alice@example.org
    grep '^DomainKey-Signature:' "$root$(queued "upgraded")"
}

booted_recipe_qmail_in_place_of_qmail_queue() {
    prepare_qmail
    follow qmail-queue
    printf 'From: joe@example.com\nTo: alice@example.com\nSubject: injected\n\nHello.\n' > "$root/home/joe/message"
    printf 'Fjoe@example.com\0Talice@example.com\0\0' > "$root/home/joe/envelope"
    inside setpriv --reuid=joe --regid=joe --init-groups env RELAYCLIENT= \
        sh -c '/var/qmail/bin/qmail-queue < /home/joe/message 1< /home/joe/envelope'
    grep '^DomainKey-Signature:' "$root$(queued "injected")"
    fails inside setpriv --reuid=joe --regid=joe --init-groups cat /etc/domainkeys/example.com/default
}
