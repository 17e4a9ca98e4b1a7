# The recipes of docs/milter.md with Sendmail, which takes the place of Postfix. Sourced by packaging/test.

booted_recipe_milter_with_sendmail() {
    install_later sendmail
    echo example.com >> "$root/etc/mail/local-host-names"
    # It would take no mail from a machine with much to do.
    sed -i "0,/^FEATURE/s//define(\`confREFUSE_LA', \`1000')dnl\ndefine(\`confQUEUE_LA', \`1000')dnl\nFEATURE/" "$root/etc/mail/sendmail.mc"
    follow milter
    follow milter-sendmail
    answers 25
    send "own" joe@example.com alice@example.com
    signed_by "$(arrived alice "own")" example.com mail
    # Mail of programs of this machine
    inside su joe -s /bin/sh -c \
        'printf "Subject: local\nFrom: joe@example.com\nTo: alice@example.com\n\nHello.\n" | /usr/sbin/sendmail -f joe@example.com alice@example.com'
    signed_by "$(arrived alice "local")" example.com mail
    partner_message "theirs" > "$work/signed.eml"
    inside swaks --silent 2 --server 127.0.0.1 --local-interface 127.0.0.2 --from bob@partner.example --to alice@example.com \
        --data - < "$work/signed.eml"
    grep 'dkim=pass' "$root$(arrived alice "theirs")"
    send "forged" joe@example.com alice@example.com --local-interface 127.0.0.2
    unsigned "$(arrived alice "forged")"
    # dk-filter comes before dkim-filter.
    sed -i '/INPUT_MAIL_FILTER/d' "$root/etc/mail/sendmail.mc"
    follow dk-filter
    follow dk-filter-sendmail
    follow milter-sendmail
    answers 25
    send "both" joe@example.com alice@example.com
    inside dkim verify "$(arrived alice "both")" | tee "$work/said"
    [ "$(grep -c pass "$work/said")" = 2 ]
    follow milter-sendmail-socket
    answers 25
    send "socket" joe@example.com alice@example.com
    signed_by "$(arrived alice "socket")" example.com mail
}
