# Each recipe of the documents, and the mail that it promises. Sourced by packaging/test.

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
    ! grep -iE 'chmod|chown' "$work/said"
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
    send "submitted" joe@example.com alice@example.com --local-interface 127.0.0.2 --port 587
    signed_by "$(arrived alice "submitted")" example.com mail
    # The port for everybody has another name.
    send "received" joe@example.com alice@example.com --local-interface 127.0.0.2
    unsigned "$(arrived alice "received")"
}

# A qmail of two programs: the one that queues, and ours before it.
booted_recipe_qmail_signs_for_users_who_cannot_read_the_key() {
    mkdir -p "$root/var/qmail/bin"
    printf '#!/bin/sh\ncat > /home/joe/queued\nid > /home/joe/ids\n' > "$root/var/qmail/bin/qmail-queue"
    chmod 755 "$root/var/qmail/bin/qmail-queue"
    inside cp /usr/sbin/qmail-dk /var/qmail/bin/
    follow qmail-keys
    follow qmail-queue
    printf 'From: joe@example.com\nTo: alice@example.com\nSubject: qmail\n\nHello.\n' > "$root/root/message"
    printf 'Fjoe@example.com\0Talice@example.com\0\0' > "$root/root/envelope"
    chmod 755 "$root/root"
    inside setpriv --reuid=joe --regid=joe --init-groups env RELAYCLIENT= \
        sh -c '/var/qmail/bin/qmail-queue < /root/message 1< /root/envelope'
    cat "$root/home/joe/queued"
    grep 'DomainKey-Signature' "$root/home/joe/queued"
    ! inside setpriv --reuid=joe --regid=joe --init-groups cat /etc/domainkeys/example.com/default
    # The next program has the ids of the caller.
    ! grep dkim-keys "$root/home/joe/ids"
}
