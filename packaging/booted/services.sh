# The services under systemd: restarts, reloads, keys. Sourced by packaging/test.

booted_units_are_little_exposed_where_they_run() {
    local unit
    for unit in dkim-filter dk-filter dkimproxy-in dkimproxy-out; do
        inside systemd-analyze security --threshold=25 --no-pager $unit.service | tail -1
        [ "${PIPESTATUS[0]}" = 0 ]
    done
}

# Mail goes on while the filter is restarted again and again under its socket.
booted_no_message_is_refused_while_the_filter_restarts() {
    follow milter
    follow milter-socket
    local n
    # Forgets the starts before, of which systemd allows so many in ten seconds.
    inside sh -c 'for n in 1 2 3 4 5 6; do systemctl restart dkim-filter && systemctl reset-failed dkim-filter; sleep 0.3; done' &
    for n in $(seq 20); do
        send "restart $n" joe@example.com alice@example.com
    done
    wait $!
    inside systemctl is-active dkim-filter dkim-filter-postfix.socket
    for n in $(seq 20); do
        signed_by "$(arrived alice "restart $n")" example.com mail > /dev/null
    done
    # What is stopped comes back with the next message.
    inside systemctl stop dkim-filter
    send "woken" joe@example.com alice@example.com
    signed_by "$(arrived alice "woken")" example.com mail
}

booted_a_bad_reload_fails_and_changes_nothing() {
    follow milter
    follow milter-postfix
    local conf=$root/etc/dkim-filter/dkim-filter.conf
    echo 'Domian example.net' >> "$conf"
    fails inside systemctl reload dkim-filter
    inside journalctl --no-pager -u dkim-filter -n 5 | grep 'unrecognized parameter: Domian'
    send "bad reload" joe@example.com alice@example.com
    signed_by "$(arrived alice "bad reload")" example.com mail
    sed -i '/Domian/d; s/^Domain.*/Domain example.com,example.org/' "$conf"
    inside systemctl reload dkim-filter
    inside systemctl is-active dkim-filter
    send "good reload" joe@example.org alice@example.com
    sleep 0.5
    inside dkim verify "$(arrived alice "good reload")" || grep -q 'd=example.org; s=mail' "$root$(arrived alice "good reload")"
}

# What the check lets pass and the service refuses fails the reload as well, and systemctl status says why.
booted_a_reload_that_the_service_refuses_fails() {
    follow proxies-out
    follow proxies-out-postfix
    local conf=$root/etc/dkimproxy/dkimproxy_out.conf
    inside systemctl reload dkimproxy-out
    [ "$(inside systemctl show --property StatusText --value dkimproxy-out)" = "configuration reloaded" ]
    echo 'max_servers 7' >> "$conf"
    fails inside systemctl reload dkimproxy-out
    inside systemctl status --no-pager dkimproxy-out | grep 'Status:.*not reloaded: max_servers changed'
    inside systemctl is-active dkimproxy-out
    sed -i '/max_servers/d' "$conf"
    inside systemctl reload dkimproxy-out
    send "reloaded" joe@example.com alice@example.com --port 1587
    signed_by "$(arrived alice "reloaded")" example.com mail
}

# Wrong settings end a start once, and with the repaired file the next start serves.
booted_a_broken_start_is_not_repeated_and_recovers() {
    follow milter
    follow milter-socket
    local conf=$root/etc/dkim-filter/dkim-filter.conf
    echo 'Domian example.net' >> "$conf"
    fails inside systemctl restart dkim-filter
    sleep 3
    [ "$(inside systemctl show --property NRestarts --value dkim-filter)" = 0 ]
    fails send "broken" joe@example.com alice@example.com
    sed -i '/Domian/d' "$conf"
    sleep 10 # systemd's StartLimitIntervalSec
    inside systemctl restart dkim-filter
    send "repaired" joe@example.com alice@example.com
    signed_by "$(arrived alice "repaired")" example.com mail
}

# Postfix is started after the filter, so that no message meets an MTA without it.
booted_filters_start_before_postfix() {
    local unit
    for unit in dkim-filter dk-filter dkimproxy-in dkimproxy-out; do
        inside systemctl show --property Before --value $unit | grep -w 'postfix@-.service'
    done
}

booted_the_proxies_take_sockets_of_systemd() {
    local n
    sed -i 's/^listen .*//' "$root/etc/dkimproxy/dkimproxy_in.conf"
    printf '%s\n' '10026 inet n - y - - smtpd -o smtpd_milters= -o syslog_name=postfix/back' >> "$root/etc/postfix/master.cf"
    inside systemctl reload postfix
    inside systemctl enable --now dkimproxy-in.socket
    send woken bob@partner.example alice@example.com --server 127.0.0.1:10025 \
        || { inside journalctl --no-pager -n 40; return 1; }
    arrived alice woken
    inside systemctl is-active dkimproxy-in
    inside sh -c 'for n in 1 2 3; do systemctl restart dkimproxy-in; sleep 0.2; done' &
    # A client that is connected when the proxy stops is told so, and comes again.
    for n in $(seq 10); do
        send "proxy $n" bob@partner.example alice@example.com --server 127.0.0.1:10025 \
            || send "proxy $n" bob@partner.example alice@example.com --server 127.0.0.1:10025
    done
    wait $!
    arrived alice "proxy 10"
}
