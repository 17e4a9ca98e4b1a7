# What can be told of units and package without running them. Sourced by packaging/test.

most_exposure=25

static_lintian_has_nothing_to_say() {
    lintian --allow-root --fail-on error,warning "$package"
}

static_units_are_little_exposed() {
    local unit
    for unit in packaging/systemd/*.service; do
        systemd-analyze security --offline=true --threshold=$most_exposure --no-pager "$unit" > "$work/exposure" \
            || { tail -1 "$work/exposure"; return 1; }
    done
}

# Four units, one fence: a line that one of them lacks is a line forgotten.
static_units_have_the_same_fence() {
    local unit first=
    for unit in packaging/systemd/*.service; do
        sed -n '/^NoNewPrivileges/,/^$/p' "$unit" > "$work/fence"
        [ -n "$first" ] || { first=$unit; cp "$work/fence" "$work/first"; }
        diff "$work/first" "$work/fence" || { echo "$first and $unit differ"; return 1; }
    done
}

static_scripts_are_clean() {
    sh -n packaging/debian/postinst
    if command -v shellcheck > /dev/null; then
        shellcheck --exclude=SC2154,SC2034,SC2317 packaging/deb packaging/test packaging/booted/*.sh packaging/debian/p*
    fi
}

# Programs for the .NET runtime are launchers whose libraries lie elsewhere.
static_launchers_are_not_packed() {
    local program
    for program in dkim dkim-filter dkimproxy qmail-dk; do
        rm -rf "$work/bin"
        mkdir "$work/bin"
        cp out/bin/{dkim,dkim-filter,dkimproxy,qmail-dk} "$work/bin/"
        mv "$work/bin/$program" "$work/elsewhere"
        ln -s ../elsewhere "$work/bin/$program"
        ! DKIM_BIN=$work/bin packaging/deb 9.9 > "$work/said" 2>&1
        grep -q "$program is not native code" "$work/said"
        rm "$work/bin/$program"
        ! DKIM_BIN=$work/bin packaging/deb 9.9 > "$work/said" 2>&1
        grep -q "$program is not there" "$work/said"
        [ ! -e "out/dkim_9.9_$architecture.deb" ]
    done
}

static_every_block_of_code_says_what_it_is_for() {
    ! grep . "$work/unmarked"
}
