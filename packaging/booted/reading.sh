# What README, docs/tool.md, docs/logging.md and docs/operating.md have readers type and see. Sourced by packaging/test.

booted_recipe_readme_is_right() {
    mkdir -p "$root/root/out/bin"
    inside sh -c 'ln -s /usr/bin/dkim /usr/sbin/dkimproxy.out /usr/sbin/dkim-filter /root/out/bin/'
    follow readme-key
    printf 'From: joe@example.com\nSubject: explained\n\nHello.\n' > "$root/root/unsigned.eml"
    inside dkim sign --domain example.com --selector mail --key mail.private --message unsigned.eml > "$root/root/message.eml"
    echo 'A footer' >> "$root/root/message.eml"
    follow readme-tools
    grep 'What happened' "$work/said"
    # The file you have
    printf '%s\n' 'listen 127.0.0.1:10027' 'relay 127.0.0.1:25' 'domain example.com' 'signature dkim(c=relaxed)' \
        'signature domainkeys(c=nofws)' 'keyfile /root/mail.private' 'selector mail' > "$root/etc/dkimproxy_out.conf"
    follow readme-proxy
    answers 10027
    send "proxied" joe@example.com alice@example.com --port 10027
    signed_by "$(arrived alice "proxied")" example.com mail
    mkdir -p "$root/etc/mail"
    printf '%s\n' 'Domain example.com' 'Selector mail' 'KeyFile /root/mail.private' 'Socket inet:8891@localhost' \
        > "$root/etc/mail/dkim-filter.conf"
    follow readme-filter
    answers 8891
    inside postconf -e smtpd_milters=inet:127.0.0.1:8891
    inside systemctl reload postfix
    send "filtered" joe@example.com alice@example.com
    signed_by "$(arrived alice "filtered")" example.com mail
}

booted_recipe_tool_answers_as_printed() {
    follow tool
}

booted_recipe_logging_shows_what_is_logged() {
    follow proxies-out
    follow proxies-out-postfix
    sed -i 's/^domain .*/domain example.org/' "$root/etc/dkimproxy/dkimproxy_out.conf"
    inside systemctl restart dkimproxy-out
    answers 10028
    send "text" joe@example.org ann@example.com --port 10027 --header 'Message-Id: <1@example.org>'
    logged 1 'DKIM signing - signed; message-id=<1@example.org>'
    sed -n 's/.* mail[^ ]* \(dkimproxy\)/\1/p' "$work/journal" > "$work/lines"
    shows logging-text "$work/lines"
    echo 'log_format json' >> "$root/etc/dkimproxy/dkimproxy_out.conf"
    inside systemctl restart dkimproxy-out
    send "json" joe@example.org ann@example.com --port 10027 --header 'Message-Id: <1@example.org>'
    logged 1 '"message_id":"1@example.org"'
    sed -n 's/.* dkimproxy[^{]*{/{/p' "$work/journal" > "$work/lines"
    shows logging-json "$work/lines"
    # Something has to be wrong, or nothing is shown.
    inside systemctl kill --signal=HUP dkimproxy-out
    follow logging-reading
}

booted_recipe_operating_shows_what_to_watch() {
    follow milter
    follow milter-postfix
    send "forged" joe@example.com alice@example.com --local-interface 127.0.0.2
    echo 'LogWhy yes' >> "$root/etc/dkim-filter/dkim-filter.conf"
    inside systemctl reload dkim-filter
    send "external" joe@example.com alice@example.com --local-interface 127.0.0.2
    echo 'Domian example.net' >> "$root/etc/dkim-filter/dkim-filter.conf"
    inside systemctl kill --signal=HUP dkim-filter
    logged 1 'configuration not reloaded'
    sed -i '/Domian/d' "$root/etc/dkim-filter/dkim-filter.conf"
    inside systemctl stop dkim-filter
    fails send "waits" joe@example.com alice@example.com
    inside systemctl start dkim-filter
    follow operating-watch
    grep 'milter-reject: .* 4.7.1 Service unavailable' "$work/said"
    grep 'configuration not reloaded' "$work/said"
    grep 'external host' "$work/said"
    grep 'good: the record fits the private key' "$work/said"
}
