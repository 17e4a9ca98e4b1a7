# What can be told of units and package without running them. Sourced by packaging/test.

most_exposure=25

static_lintian_has_nothing_to_say() {
    lintian --allow-root --fail-on error,warning "$package" "$opendkim_package"
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
    # What the shell does not take for a failure.
    fails grep -nE '^ *(! |\[ .* \] && )' packaging/booted/*.sh
    if command -v shellcheck > /dev/null; then
        shellcheck --shell=bash --severity=warning --exclude=SC2154,SC2034,SC2317 packaging/deb packaging/test packaging/booted/*.sh
        shellcheck --severity=warning --exclude=SC2154 packaging/booted/stand-ins/qmail-queue packaging/debian/p*
    fi
    perl -c packaging/booted/stand-ins/qmail-smtpd
}

# Programs for the .NET runtime are launchers whose libraries lie elsewhere.
static_launchers_are_not_packed() {
    local program
    for program in dkim dkim-filter dkimproxy qmail-dk; do
        rm -rf "${work:?}/bin"
        mkdir "$work/bin"
        cp out/bin/{dkim,dkim-filter,dkimproxy,qmail-dk} "$work/bin/"
        mv "$work/bin/$program" "$work/elsewhere"
        ln -s ../elsewhere "$work/bin/$program"
        fails env DKIM_BIN="$work/bin" packaging/deb 9.9 > "$work/said" 2>&1
        grep -q "$program is not native code" "$work/said"
        rm "$work/bin/$program"
        fails env DKIM_BIN="$work/bin" packaging/deb 9.9 > "$work/said" 2>&1
        grep -q "$program is not there" "$work/said"
        [ ! -e "out/dkim_9.9_$architecture.deb" ]
    done
}

# Names the recipes of a folder that no case follows. Commands of the tree have a case of their own.
unfollowed() {
    local recipe
    for recipe in "$1"/*/; do
        recipe=$(basename "$recipe")
        grep -qx tree "$1/$recipe"/*.how || grep -qE "^ *(follow|shows) $recipe( |$)" packaging/booted/*.sh || echo "$recipe"
    done
}

static_every_block_of_code_is_followed() {
    fails grep . "$work/unmarked"
    unfollowed "$work/recipes" > "$work/said"
    fails grep . "$work/said"
}

static_a_block_that_nobody_follows_is_found() {
    printf '%s\n' 'A block' '```' 'true' '```' '<!-- recipe nobody: run -->' '```' 'true' '```' '<!-- recipe lost: run -->' '' \
        'No block' '1. One' '   ```' > "$work/page.md"
    extract_recipes "$work/page" "$work/page.md" | tee "$work/said"
    [ "$(sed -E 's/.*:([0-9]+): .*/\1/' "$work/said" | tr '\n' ' ')" = "2 11 13 " ]
    [ "$(unfollowed "$work/page")" = nobody ]
}

# The programs that lie beside these documents; of the others each suite is the proof that ./test has run.
static_the_commands_of_the_tree_are_there_and_the_demo_runs() {
    local command
    grep -lx tree "$work/recipes"/*/*.how | sed 's/how$/text/' | xargs sed 's/#.*//; s/&&/\n/g' > "$work/commands"
    while read -r command _; do
        [ -z "$command" ] || [ -x "$command" ] || { echo "there is no $command"; return 1; }
    done < "$work/commands"
    grep -x './run *' "$work/commands"
    ./run > "$work/said" 2>&1 || { cat "$work/said"; return 1; }
    tail -5 "$work/said"
}
