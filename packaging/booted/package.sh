# The package in a booted Debian: what installing, upgrading, removing and purging do. Sourced by packaging/test.

pid_of() { inside systemctl show --property MainPID --value "$1"; }

booted_installing_enables_nothing_and_makes_users() {
    inside id dkim-filter
    inside id dkimproxy
    inside systemctl list-unit-files 'dk*' --no-legend
    [ "$(inside systemctl list-unit-files 'dk*' --no-legend | grep -c ' disabled ')" = 10 ]
    [ -z "$(inside systemctl list-units 'dk*' --no-legend)" ]
    inside dkim --help > /dev/null
    inside qmail-dk < /dev/null || [ $? != 127 ]
}

# What runs is the file of the package, and not what it replaced.
booted_an_upgrade_runs_the_new_code() {
    follow milter
    follow milter-postfix
    follow milter-socket
    local before after
    before=$(pid_of dkim-filter)
    [ "$before" != 0 ]
    inside apt-get install --yes "/root/$(basename "$next_package")"
    after=$(pid_of dkim-filter)
    [ "$after" != 0 ]
    [ "$after" != "$before" ]
    inside sh -c "[ /proc/$after/exe -ef /usr/sbin/dkim-filter ]"
    fails inside systemctl is-active dkimproxy-out
    send upgraded joe@example.com alice@example.com
    signed_by "$(arrived alice upgraded)" example.com mail
}

booted_removal_stops_and_purge_clears() {
    follow milter
    follow milter-socket
    inside apt-get remove --yes dkim
    [ -z "$(inside pgrep -x dkim-filter)" ]
    [ ! -S "$root/var/spool/postfix/dkim-filter/dkim-filter.sock" ]
    fails inside systemctl is-active dkim-filter-postfix.socket
    inside apt-get purge --yes dkim
    # The admin's own files stay; what the package brought is gone, and no link of a unit hangs.
    [ -e "$root/etc/dkim-filter/mail.private" ]
    [ ! -e "$root/etc/dkimproxy" ]
    [ -z "$(find "$root/etc/systemd/system" -name '*dk*' -print)" ]
    inside systemctl is-system-running
}
