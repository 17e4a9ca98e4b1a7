# A Debian in a folder, booted with systemd as its first process and a network of its own. Sourced by packaging/test.
# The base is made once and kept outside of the tree: ${XDG_CACHE_HOME:-/var/cache}/dkim-packaging.

suite=bookworm
# What a mail server has; nsd answers for the names of the recipes.
base_packages=systemd,systemd-sysv,dbus,adduser,init-system-helpers,postfix,swaks,nsd,libssl3,libunbound8,openssl,procps,iproute2,ucspi-tcp,daemontools,dovecot-lmtpd
# What some cases install, mail servers in the place of Postfix and the original of ours, each with what it needs in
# /srv/packages/NAME: a machine has no way to the world.
later_packages='exim4 sendmail opendkim sqlite3 redis-server'
cache=${XDG_CACHE_HOME:-/var/cache}/dkim-packaging
most_days=30
# The present machine: its first process outside, systemd, its root, its group of processes.
machine='' leader='' root='' group=''

# Makes the base where there is none, or an old one; prints its file.
base() {
    local file
    file=$cache/$suite-$(printf '%s' "$base_packages $later_packages" | sha256sum | cut -c1-12).tar
    if [ -z "$(find "$file" -mtime -$most_days 2> /dev/null)" ]; then
        echo "packaging/test: making a base of Debian $suite (once in $most_days days)" >&2
        mkdir -p "$cache"
        # shellcheck disable=SC2016
        mmdebstrap --quiet --variant=apt --include="$base_packages" --customize-hook='
            for name in '"$later_packages"'; do
                mkdir -p "$1/srv/packages/$name"
                rm -f "$1"/var/cache/apt/archives/*.deb
                APT_CONFIG=$MMDEBSTRAP_APT_CONFIG apt-get install -qq --yes --no-install-recommends --download-only "$name" || exit 1
                mv "$1"/var/cache/apt/archives/*.deb "$1/srv/packages/$name/" || exit 1
            done' "$suite" "$file.new.tar" >&2 || return 1
        mv "$file.new.tar" "$file"
        find "$cache" -name "$suite-*.tar" ! -path "$file" -delete
    fi
    echo "$file"
}

# The child of a process by these names, one below the other; nothing while it is not there.
leader_of() {
    local process=$1 name
    shift
    for name in "$@"; do
        process=$(pgrep -x -P "$process" "$name") || return 0
    done
    echo "$process"
}

# Boots a folder. A group of processes of its own, seen as the root of all groups, lets systemd-nspawn do without a
# service manager outside.
boot() {
    root=$1
    group=$(findmnt -n -t cgroup2 -o TARGET | tail -1)/dkim-packaging-$BASHPID
    mkdir -p "$group" || return 1
    (
        echo "$BASHPID" > "$group/cgroup.procs"
        # shellcheck disable=SC2016
        exec unshare --mount --cgroup --pid --fork --kill-child --mount-proc --propagation private sh -c '
            umount -R /sys/fs/cgroup && mount -t cgroup2 cgroup2 /sys/fs/cgroup && mount -t tmpfs run /run || exit 1
            systemd-nspawn --quiet --directory="$0" --boot --private-network --register=no --keep-unit --resolv-conf=off \
                --machine=mail --console=pipe < /dev/null' "$root"
    ) > "$work/boot.log" 2>&1 &
    machine=$!
    local tries
    for tries in $(seq 600); do
        leader=$(leader_of $machine sh systemd-nspawn systemd)
        if [ -n "$leader" ] && inside systemctl is-system-running --wait > /dev/null 2>&1; then return 0; fi
        [ -d /proc/$machine ] || break
        sleep 0.1
    done
    [ -z "$leader" ] || inside systemctl --failed --no-legend --plain
    tail -20 "$work/boot.log"
    return 1
}

# Runs a command inside, as root, with the environment of a login and nothing else.
inside() {
    nsenter --target "$leader" --mount --uts --ipc --net --pid --cgroup --wd="/proc/$leader/root/root" -- \
        env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 "$@"
}

# Ends the machine; "orderly" as for keeping its folder, else as a power failure does.
halt_machine() {
    [ -n "$machine" ] || return 0
    local tries
    if [ "${1:-}" = orderly ] && [ -n "$leader" ]; then
        # systemd's signal for poweroff.target
        kill -s RTMIN+4 "$leader"
        for tries in $(seq 100); do
            [ -d /proc/$machine ] || break
            sleep 0.1
        done
    fi
    # With the first process of a namespace all others end.
    kill -9 $machine 2> /dev/null || true
    wait $machine 2> /dev/null || true
    for tries in $(seq 50); do
        find "$group" -depth -type d -exec rmdir {} + 2> /dev/null
        [ -d "$group" ] || break
        sleep 0.1
    done
    machine='' leader=''
}
