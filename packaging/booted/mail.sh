# Mail in the booted machine. Sourced by packaging/test.

# Sends a message by SMTP: SUBJECT FROM TO, then options of swaks. From 127.0.0.1, our own, or with
# --local-interface 127.0.0.2, which is mail.partner.example.
send() {
    local subject=$1 from=$2 to=$3
    shift 3
    inside swaks --silent 2 --server 127.0.0.1 --from "$from" --to "$to" --header "Subject: $subject" "$@"
}

# Waits until something listens at a port: a reload of Postfix returns before its new services do.
answers() {
    local tries
    for tries in $(seq 100); do
        inside bash -c ": < /dev/tcp/127.0.0.1/$1" 2> /dev/null && return 0
        sleep 0.1
    done
    echo "nothing listens at port $1"
    return 1
}

# Waits until the journal has as many lines of a pattern: COUNT PATTERN.
logged() {
    local tries
    for tries in $(seq 100); do
        inside journalctl --no-pager > "$work/journal"
        [ "$(grep -c -- "$2" "$work/journal")" = "$1" ] && return 0
        sleep 0.1
    done
    tail -40 "$work/journal"
    echo "the journal has not $1 times: $2"
    return 1
}

# Waits for a message with a subject in a user's folder, and prints its path inside.
arrived() {
    local user=$1 subject=$2 found tries
    for tries in $(seq 100); do
        found=$(grep -lsx "Subject: $subject" "$root/home/$user/Maildir/new"/* | head -1 || true)
        if [ -n "$found" ]; then
            echo "${found#"$root"}"
            return 0
        fi
        sleep 0.1
    done
    echo "no message \"$subject\" for $user" >&2
    inside postqueue -p >&2
    inside journalctl --no-pager -n 40 >&2
    return 1
}

# Says whether the message passes as signed by a domain with a selector.
signed_by() {
    local file=$1 domain=$2 selector=$3
    inside dkim verify "$file" | tee "$work/verified"
    grep -q "pass d=$domain s=$selector " "$work/verified" \
        || { echo "not signed as d=$domain s=$selector:"; head -20 "$root/$file"; return 1; }
}

unsigned() {
    ! grep -qi '^DKIM-Signature:' "$root/$1" || { echo "it is signed:"; head -20 "$root/$1"; return 1; }
}

# A message of partner.example, signed by it, as a file inside.
partner_message() {
    local subject=$1
    if [ ! -e "$root/root/partner.private" ]; then
        inside dkim genkey --domain=partner.example --selector=p --key=/root/partner.private > "$work/partner"
        publish "$work/partner"
    fi
    printf 'From: bob@partner.example\r\nTo: alice@example.com\r\nSubject: %s\r\nMessage-ID: <%s@partner.example>\r\n\r\nGood day.\r\n' \
        "$subject" "$(date +%s%N)" > "$root/root/partner.eml"
    inside dkim sign --domain=partner.example --selector=p --key=/root/partner.private /root/partner.eml
    cat "$root/root/partner.eml"
}
