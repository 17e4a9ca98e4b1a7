# The host that the cases begin with: Debian, Postfix and Dovecot as Debian has them, a name server, a few users, and the
# package, installed as docs/packaging.md has it. Sourced by packaging/test.

# Unpacks the base and makes a mail server of it.
prepare_host() {
    local root=$1
    mkdir -p "$root"
    tar xpf "$(base)" -C "$root" || return 1
    echo mail.example.com > "$root/etc/hostname"
    printf '127.0.0.1 localhost\n127.0.1.1 mail.example.com mail\n::1 localhost\n' > "$root/etc/hosts"
    echo 'nameserver 127.0.0.1' > "$root/etc/resolv.conf"
    cat > "$root/etc/nsd/nsd.conf" << 'END'
server:
    ip-address: 127.0.0.1
    server-count: 1
zone:
    name: "."
    zonefile: "/etc/nsd/zone"
END
    cat > "$root/etc/nsd/zone" << 'END'
$TTL 5
. IN SOA ns.example.com. root.example.com. 1 3600 600 86400 5
. IN NS ns.example.com.
ns.example.com. IN A 127.0.0.1
mail.example.com. IN A 127.0.1.1
example.com. IN MX 10 mail.example.com.
partner.example. IN MX 10 mail.partner.example.
mail.partner.example. IN A 127.0.0.2
2.0.0.127.in-addr.arpa. IN PTR mail.partner.example.
elsewhere.example. IN MX 10 mail.elsewhere.example.
mail.elsewhere.example. IN A 203.0.113.25
25.113.0.203.in-addr.arpa. IN PTR mail.elsewhere.example.
END
    # As the questions of Debian's package make it for an Internet site, but mail in folders, one file each.
    cat > "$root/etc/postfix/main.cf" << 'END'
compatibility_level = 3.6
myhostname = mail.example.com
myorigin = example.com
mydestination = example.com, mail.example.com, localhost
mynetworks = 127.0.0.1/32
inet_interfaces = all
alias_maps =
alias_database =
home_mailbox = Maildir/
# a container has no IPv6
inet_protocols = ipv4
END
    # Dovecot waits for the case that wants it.
    rm "$root/etc/systemd/system/multi-user.target.wants/dovecot.service"
    local user
    for user in joe alice; do chroot "$root" useradd --create-home "$user"; done
    cp -r packaging/booted/stand-ins "$root/srv/"
    install -d -m 1777 "$root/srv/queue"
}

# The host with the package, switched off. Prints what went wrong; 2 where this machine makes or boots no Debian at all.
make_golden() {
    prepare_host "$work/golden" || return 2
    install -D -t "$work/golden/root/out" "$package" "$opendkim_package" || return 1
    cp "$next_package" "$work/golden/root/" || return 1
    boot "$work/golden" || return 2
    follow packaging-install || return 1
    halt_machine orderly
}

# A machine of its own for one case, from the golden host.
boot_copy() {
    local copy=$work/copy
    mkdir -p "$copy"/{upper,work,root}
    mount -t overlay overlay -o "lowerdir=$work/golden,upperdir=$copy/upper,workdir=$copy/work" "$copy/root" || return 1
    boot "$copy/root"
}

drop_copy() {
    halt_machine
    umount "$work/copy/root" 2> /dev/null || true
    rm -rf "$work/copy"
}
