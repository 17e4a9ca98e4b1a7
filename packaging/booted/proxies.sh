# The recipes of docs/proxies.md, and the mail that they promise. Sourced by packaging/test.

# Without the document there is nothing to follow.
has_recipe() { [ -d "$work/recipes/$1" ]; }

booted_recipe_proxies_sign_what_leaves() {
    has_recipe proxies-out || return 0
    follow proxies-out
    send "out" joe@example.com alice@example.com --port 1587
    signed_by "$(arrived alice "out")" example.com mail
    # Port 25 is everybody's.
    send "in" joe@example.com alice@example.com
    unsigned "$(arrived alice "in")"
    has_recipe proxies-rotate || return 0
    follow proxies-rotate
    send "rotated" joe@example.com alice@example.com --port 1587
    signed_by "$(arrived alice "rotated")" example.com next
}

booted_recipe_proxies_verify_what_comes() {
    has_recipe proxies-in || return 0
    follow proxies-in
    partner_message "checked" > "$work/signed.eml"
    inside swaks --silent 2 --server 127.0.0.1 --local-interface 127.0.0.2 --from bob@partner.example --to alice@example.com \
        --data - < "$work/signed.eml"
    grep 'dkim=pass' "$root$(arrived alice "checked")"
}
