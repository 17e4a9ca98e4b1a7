# The recipes of docs/opendkim.md beside Debian's opendkim. Sourced by packaging/test.

# The program that serves as opendkim.
serving_opendkim() {
    # shellcheck disable=SC2016
    inside sh -c 'readlink "/proc/$(systemctl show --property MainPID --value opendkim)/exe"'
}

# The file of settings of a recipe in place of the tables in files.
with_tables_of() {
    sed -i 's/^Include.*//; s/^KeyTable/#KeyTable/; s/^SigningTable/#SigningTable/' "$root/etc/opendkim.conf"
    printf 'Include /etc/opendkim/%s.conf\n' "$1" >> "$root/etc/opendkim.conf"
    inside systemctl restart opendkim
    answers 8895
}

booted_recipe_opendkim_package_takes_the_place_of_debians() {
    install_later opendkim
    inside dkim genkey --domain=example.com --selector=mail --key=/etc/dkimkeys/mail.private > "$work/said"
    publish "$work/said"
    inside chown opendkim:opendkim /etc/dkimkeys/mail.private
    sed -i 's/^Socket.*/Socket inet:8895@localhost/' "$root/etc/opendkim.conf"
    printf '%s\n' 'Domain example.com' 'Selector mail' 'KeyFile /etc/dkimkeys/mail.private' >> "$root/etc/opendkim.conf"
    cp "$root/etc/opendkim.conf" "$work/before.conf"
    inside postconf -e smtpd_milters=inet:127.0.0.1:8895
    inside systemctl restart opendkim postfix
    answers 8895
    follow opendkim-package
    answers 8895
    serving_opendkim | tee "$work/said"
    grep 'dkim-filter$' "$work/said"
    cmp "$work/before.conf" "$root/etc/opendkim.conf"
    inside systemctl is-enabled opendkim
    send "taken" joe@example.com alice@example.com
    signed_by "$(arrived alice "taken")" example.com mail
    inside systemctl reload opendkim
    inside opendkim-testkey -d example.com -s mail -k /etc/dkimkeys/mail.private
    install_later opendkim
    answers 8895
    [ "$(serving_opendkim)" = /usr/sbin/opendkim ]
    cmp "$work/before.conf" "$root/etc/opendkim.conf"
    send "and back" joe@example.com alice@example.com
    signed_by "$(arrived alice "and back")" example.com mail
}

booted_recipe_opendkim_switches_over_and_back() {
    install_later opendkim
    install_later sqlite3
    install_later redis-server
    mkdir -p "$root/etc/opendkim"
    inside dkim genkey --domain=example.com --selector=mail --key=/etc/dkimkeys/mail.private > "$work/said"
    publish "$work/said"
    inside chown opendkim:opendkim /etc/dkimkeys/mail.private
    printf '%s\n' 'joes example.com:mail:/etc/dkimkeys/mail.private' > "$root/etc/opendkim/KeyTable"
    printf '%s\n' '*@example.com joes' > "$root/etc/opendkim/SigningTable"
    sed -i 's/^Socket.*/Socket inet:8895@localhost/' "$root/etc/opendkim.conf"
    printf '%s\n' 'KeyTable file:/etc/opendkim/KeyTable' 'SigningTable refile:/etc/opendkim/SigningTable' >> "$root/etc/opendkim.conf"
    inside systemctl restart opendkim
    answers 8895
    inside postconf -e smtpd_milters=inet:127.0.0.1:8895
    inside systemctl reload postfix
    send "before" joe@example.com alice@example.com
    signed_by "$(arrived alice "before")" example.com mail
    [ "$(serving_opendkim)" = /usr/sbin/opendkim ]
    follow opendkim-check
    follow opendkim-over
    answers 8895
    serving_opendkim | tee "$work/said"
    grep 'dkim-filter$' "$work/said"
    send "over" joe@example.com alice@example.com
    signed_by "$(arrived alice "over")" example.com mail
    inside systemctl reload opendkim
    send "reloaded" joe@example.com alice@example.com
    signed_by "$(arrived alice "reloaded")" example.com mail
    follow opendkim-lookup
    grep joes "$work/said"
    follow opendkim-sql
    with_tables_of sql
    follow opendkim-walk
    send "by rows" joe@example.com alice@example.com
    signed_by "$(arrived alice "by rows")" example.com mail
    follow opendkim-redis
    with_tables_of redis
    send "by values" joe@example.com alice@example.com
    signed_by "$(arrived alice "by values")" example.com mail
    inside pgrep --exact -u opendkim dkim-tables
    sed -i 's/^Include.*//; s/^#KeyTable/KeyTable/; s/^#SigningTable/SigningTable/' "$root/etc/opendkim.conf"
    follow opendkim-back
    answers 8895
    [ "$(serving_opendkim)" = /usr/sbin/opendkim ]
    send "back" joe@example.com alice@example.com
    signed_by "$(arrived alice "back")" example.com mail
}
