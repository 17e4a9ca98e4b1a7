# Mail in the booted machine. Sourced by packaging/test.

# Says whether a command fails: for the shell that ends at a failure a "!" in front of one is none.
fails() {
    if "$@"; then
        echo "does not fail: $*"
        return 1
    fi
}

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
    for tries in $(seq 600); do
        inside bash -c ": < /dev/tcp/127.0.0.1/$1" 2> /dev/null && return 0
        sleep 0.1
    done
    echo "nothing listens at port $1"
    return 1
}

# Waits until the journal has as many lines of a pattern: COUNT PATTERN.
logged() {
    local tries
    for tries in $(seq 600); do
        inside journalctl --no-pager > "$work/journal"
        if [ "$(grep -c -- "$2" "$work/journal")" = "$1" ]; then return 0; fi
        sleep 0.1
    done
    tail -40 "$work/journal"
    echo "the journal has not $1 times: $2"
    return 1
}

# Waits for a message with a subject, and prints its path inside: SUBJECT COMMAND, which prints the files to look at.
found() {
    local subject=$1 file tries
    shift
    for tries in $(seq 600); do
        file=$("$@" | xargs -r grep -lsx "Subject: $subject" | head -1 || true)
        if [ -n "$file" ]; then
            echo "${file#"$root"}"
            return 0
        fi
        sleep 0.1
    done
    echo "no message \"$subject\" by $*" >&2
    inside journalctl --no-pager -n 40 >&2
    return 1
}

# A message in a user's folder, or, from a mail server that keeps all mail of a user in one file, in that.
arrived() { found "$2" mailbox "$1"; }

mailbox() {
    local folder=$root/home/$1/Maildir/new
    if [ -s "$root/var/mail/$1" ]; then
        mkdir -p "$folder"
        awk -v folder="$folder" '/^From / { file = folder "/" ++count; printf "" > file; next } { print >> file }' "$root/var/mail/$1"
    fi
    find "$folder" -type f 2> /dev/null
}

# A message that a stand-in for qmail-queue has kept.
queued() { found "$1" find "$root/srv/queue" -name '*.message'; }

# A host elsewhere, mail.elsewhere.example, and the wire to it; it keeps what comes to its port 25 as qmail-queue does.
connect_elsewhere() {
    inside ip netns add elsewhere
    inside ip link add world type veth peer name home netns elsewhere
    inside ip address add 203.0.113.1/24 dev world
    inside ip link set world up
    elsewhere ip address add 203.0.113.25/24 dev home
    elsewhere ip link set home up
    elsewhere env QMAILQUEUE=/srv/stand-ins/qmail-queue tcpserver -HR -l mail.elsewhere.example 203.0.113.25 25 \
        /srv/stand-ins/qmail-smtpd > "$work/elsewhere" 2>&1 &
}

elsewhere() { inside ip netns exec elsewhere "$@"; }

# Sends as "send" does, from elsewhere.
send_from_elsewhere() {
    local subject=$1 from=$2 to=$3
    shift 3
    elsewhere swaks --silent 2 --server 203.0.113.1 --from "$from" --to "$to" --header "Subject: $subject" "$@"
}

# Puts another mail server in the place of Postfix.
install_later() {
    inside env DEBIAN_FRONTEND=noninteractive sh -c "apt-get install -qq --yes /srv/packages/$1/*.deb" | tail -5
}

# Says whether the message passes as signed by a domain with a selector.
signed_by() {
    local file=$1 domain=$2 selector=$3
    inside dkim verify "$file" | tee "$work/verified"
    grep -q "pass d=$domain s=$selector " "$work/verified" \
        || { echo "not signed as d=$domain s=$selector:"; head -20 "$root/$file"; return 1; }
}

unsigned() {
    fails grep -i '^DKIM-Signature:' "$root/$1"
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
