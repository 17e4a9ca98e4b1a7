# Keys and their rotation, as docs/operating.md has it. Sourced by packaging/test.

signs_with() {
    send "$1" joe@example.com alice@example.com
    signed_by "$(arrived alice "$1")" example.com "$2"
}

booted_recipe_operating_a_key_is_changed_by_a_reload() {
    follow milter
    follow milter-postfix
    follow operating-reload
    follow operating-new-key
    signs_with "before" mail
    follow operating-rotation
    signs_with "after" 2027a
}

booted_recipe_operating_a_key_that_only_root_can_read() {
    follow milter
    follow milter-postfix
    follow milter-socket
    follow operating-credential
    inside sh -c '[ "$(stat -c "%U %a" /etc/dkim-filter/mail.private)" = "root 600" ]'
    signs_with "credential" mail
    follow operating-new-key
    # A new key in the old file, under a new selector: whether systemd hands over a new copy at a reload or not, selector
    # and key belong together.
    cp "$root/etc/dkim-filter/dkim-filter.conf" "$work/conf"
    cp "$root/etc/dkim-filter/mail.private" "$work/key"
    cp "$root/etc/dkim-filter/2027a.private" "$root/etc/dkim-filter/mail.private"
    sed -i 's|^Selector .*|Selector 2027a|' "$root/etc/dkim-filter/dkim-filter.conf"
    inside systemctl reload dkim-filter || true
    inside journalctl --no-pager -u dkim-filter -n 6
    send "together" joe@example.com alice@example.com
    inside dkim verify "$(arrived alice "together")"
    cp "$work/conf" "$root/etc/dkim-filter/dkim-filter.conf"
    cp "$work/key" "$root/etc/dkim-filter/mail.private"
    follow operating-credential-rotation
    signs_with "rotated" 2027a
}

# The domain of a bad signature gets its report, though the unit gives nobody's rights away.
booted_a_report_is_sent() {
    follow milter
    follow milter-postfix
    printf 'SendReports yes\n' >> "$root/etc/dkim-filter/dkim-filter.conf"
    inside systemctl reload dkim-filter
    inside useradd --create-home reports
    inside postconf -e 'mydestination=example.com, mail.example.com, partner.example, localhost'
    inside systemctl reload postfix
    partner_message "reported" | sed 's/^Good day/Bad day/; s/^DKIM-Signature: /&r=y; /' > "$work/spoilt.eml"
    printf '_report._domainkey.partner.example. IN TXT "ra=reports; rr=all"\n' >> "$root/etc/nsd/zone"
    inside systemctl restart nsd
    inside swaks --silent 2 --server 127.0.0.1 --local-interface 127.0.0.2 --from bob@partner.example --to alice@example.com \
        --data - < "$work/spoilt.eml"
    local tries
    for tries in $(seq 600); do
        grep -rqs 'Feedback-Type: auth-failure' "$root/home/reports/Maildir/new" && break
        sleep 0.1
    done
    cat "$root/home/reports/Maildir/new"/* || { inside journalctl --no-pager -n 40; return 1; }
    grep -rl 'Feedback-Type: auth-failure' "$root/home/reports/Maildir/new"
}
