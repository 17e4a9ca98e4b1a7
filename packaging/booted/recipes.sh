# Recipes of the documents, followed as they are printed. A comment before a block of code says what a reader does with it:
#   <!-- recipe NAME: run -->             types it as root
#   <!-- recipe NAME: file PATH -->       makes it the content of a file
#   <!-- recipe NAME: append PATH -->     puts it at the end of a file
#   <!-- no recipe: WHY -->               nothing
# Sourced by packaging/test.

documents='docs/milter.md docs/packaging.md docs/operating.md docs/proxies.md docs/qmail.md'

# Takes the marked blocks apart: $work/recipes/NAME/NN.how, NN.where, NN.text. Prints blocks without a mark.
extract_recipes() {
    local document
    for document in $documents; do
        [ -f "$document" ] || continue
        awk -v document="$document" -v to="$work/recipes" '
            /^<!-- (recipe [a-z-]+: (run|(file|append) [^ ]+)|no recipe: .*) -->$/ { mark = $0; next }
            /^```/ && !inside {
                inside = 1
                if (mark == "") print document ":" FNR ": a block of code without a mark"
                if (mark ~ /^<!-- recipe/) {
                    split(mark, word, " ")
                    name = substr(word[3], 1, length(word[3]) - 1)
                    step = sprintf("%s/%s/%02d", to, name, ++steps[name])
                    system("mkdir -p " to "/" name)
                    print word[4] > (step ".how")
                    print (word[4] == "run" ? document ":" FNR : word[5]) > (step ".where")
                    text = step ".text"
                    printf "" > text
                } else text = ""
                mark = ""
                next
            }
            /^```/ { inside = 0; if (text != "") close(text); text = ""; next }
            inside { if (text != "") print > text; next }
            NF && mark != "" { print document ":" FNR ": a mark without a block of code"; mark = "" }
        ' "$document"
    done
}

# Follows a recipe in the present machine; what it prints is printed. DNS records it prints are published.
follow() {
    local name=$1 step where
    [ -d "$work/recipes/$name" ] || { echo "no document has a recipe \"$name\""; return 1; }
    echo "$name" >> "$work/followed"
    for step in "$work/recipes/$name"/*.how; do
        step=${step%.how}
        where=$(cat "$step.where")
        case $(cat "$step.how") in
            run)
                echo "--- $where"
                inside bash -e < "$step.text" 2>&1 | tee "$work/said" | cut -c1-200
                [ "${PIPESTATUS[0]}" = 0 ] || { echo "$where: failed"; return 1; }
                publish "$work/said"
                ;;
            file)
                mkdir -p "$root/$(dirname "$where")"
                cat "$step.text" > "$root/$where"
                ;;
            append) cat "$step.text" >> "$root/$where" ;;
        esac
    done
}

# Puts the records of a zone file that a command has printed into the zone.
publish() {
    awk '/\tIN\tTXT\t/ { on = 1 } on { print } /\)$/ { on = 0 }' "$1" > "$work/records"
    [ -s "$work/records" ] || return 0
    cat "$work/records" >> "$root/etc/nsd/zone"
    inside systemctl restart nsd
}

booted_recipe_proxy_signs_behind_the_queue() {
    follow proxies-out
    answers 1587
    answers 10028
    send "proxied" joe@example.com alice@example.com --port 1587
    signed_by "$(arrived alice "proxied")" example.com mail
    # What comes in for everybody is not signed.
    send "received" joe@example.com alice@example.com
    unsigned "$(arrived alice "received")"
    # Standard error is the journal too, and yet each line is there once.
    logged 1 'DKIM signing - signed; .*, client=<127.0.0.1>, sender=<joe@example.com>'
    follow proxies-rotate
    send "rotated" joe@example.com alice@example.com --port 1587
    signed_by "$(arrived alice "rotated")" example.com next
    # What is wrong is refused by the check of the reload, or by the reload itself.
    echo 'example.com dkim(key=/etc/dkimproxy/gone)' > "$root/etc/dkimproxy/sender_map"
    echo 'sender_map /etc/dkimproxy/sender_map' >> "$root/etc/dkimproxy/dkimproxy_out.conf"
    ! inside systemctl reload dkimproxy-out
    inside systemctl kill --signal=HUP dkimproxy-out
    send "kept" joe@example.com alice@example.com --port 1587
    signed_by "$(arrived alice "kept")" example.com next
    logged 1 'not reloaded: /etc/dkimproxy/sender_map:1: '
}

booted_recipe_proxy_verifies_before_the_queue() {
    follow proxies-in
    answers 10026
    partner_message "theirs" > "$work/signed.eml"
    inside swaks --silent 2 --server 127.0.0.1 --local-interface 127.0.0.2 --from bob@partner.example --to alice@example.com \
        --data - < "$work/signed.eml"
    grep '^Authentication-Results: mx.example.com; dkim=pass' "$root$(arrived alice "theirs")"
    # A message with bare line ends is refused by the proxy, which says so.
    ! inside bash -c 'exec 3<> /dev/tcp/127.0.0.1/10025; say() { printf "$1" >&3; head -1 <&3; }
        head -1 <&3; say "HELO x\r\n"; say "MAIL FROM:<bob@partner.example>\r\n"; say "RCPT TO:<alice@example.com>\r\n"
        say "DATA\r\n"; say "From: bob@partner.example\nSubject: bare\n\nx\r\n.\r\n" | tee /dev/stderr | grep "^250"'
    logged 1 'message refused - 550 .*from=<bob@partner.example>.*sender=<bob@partner.example>'
}
