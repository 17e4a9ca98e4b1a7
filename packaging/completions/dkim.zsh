#compdef dkim
# Completion of dkim(1) for zsh, made by: dkim completions zsh
_dkim() {
    if ((CURRENT == 2)); then
        local -a commands=(
            'sign:print a signature for a message'
            'verify:judge all signatures of messages, mailboxes and folders'
            'explain:show step by step why a signature passes or fails'
            'genkey:make a key and the records to publish'
            'record:print the records of a key that is there'
            'testkey:compare a published key with the private key and name mistakes'
            'postfix:check that a Postfix signs what it should, and nothing else'
            'demo:sign and verify mail through the proxies, with a key made for the occasion'
            'completions:print what bash, zsh or fish need to complete command lines'
            'help:print what --help of a command prints'
        )
        _describe command commands
        return
    fi
    shift words
    ((CURRENT--))
    case $words[1] in
        sign) _arguments -s '--key=[the file of the private key]:file:_files' \
            '--private-key=[the file of the private key]:file:_files' \
            '--passphrase-file=[a file whose first line is the passphrase of the private key]:file:_files' \
            '--selector=[the selector of the key]:SELECTOR: ' \
            '--domain=[the domain of the key]:DOMAIN: ' \
            '--scheme=[which kind of signature to make]:value:(dkim domainkeys)' \
            '--hash=[the hash of a DKIM signature; sha1 is not secure]:value:(sha256 sha1)' \
            '--header-canon=[how header fields are canonicalized]:value:(relaxed simple nofws)' \
            '--body-canon=[how the body of a DKIM message is canonicalized]:value:(relaxed simple)' \
            '--identity=[the value of i=]:\[LOCAL\]@DOMAIN: ' \
            '*--sign=[a field to sign; without it, those that RFC 6376 Â§5.4.1 recommends]:NAME: ' \
            '--seal[name the main fields once more than they occur, so that none can be added]' \
            '--length[write l=; what is appended to the message then still verifies]' \
            '--timestamp[write t=, unless --timestamp=no]' \
            '--lifetime=[write x=, this long after the time of signing]:SECONDS: ' \
            '--copies[copy the signed fields into z=, so that a failure can be explained]' \
            '--message[print the whole message, not just the new field]' \
            '--line-ends=[what ends a line of the message]:value:(auto crlf lf)' \
            '--now=[the time to sign or judge by, since 1970, in place of the clock'\''s]:SECONDS: ' \
            '--help[print this text and exit]' \
            '-h[print this text and exit]' \
            '--version[print version, commit, runtime and OpenSSL, and exit]' \
            '-V[print version, commit, runtime and OpenSSL, and exit]' \
            '*:file:_files' ;;
        verify) _arguments -s '--json[print JSON, one object per message]' \
            '--allow-sha1[let rsa-sha1 signatures of DKIM pass]' \
            '--min-rsa-bits=[the shortest RSA key that may pass]:BITS: ' \
            '--refuse-unsigned[do not let signatures pass whose l= leaves octets of the body unsigned]' \
            '--now=[the time to sign or judge by, since 1970, in place of the clock'\''s]:SECONDS: ' \
            '--batch=[verify all files below a directory, or those that a file lists, one path per line]:file:_files' \
            '--require=[pass\: exit with 0 only if every message has a signature that passes]:value:(pass nothing)' \
            '--html=[write a page for browsers to this file, in place of text; - is standard output]:file:_files' \
            '--color=[when to print in colour]:value:(auto always never)' \
            '--line-ends=[what ends a line of the message]:value:(auto crlf lf)' \
            '--attached[judge the messages that are attached to a message, not the message itself]' \
            '--zone=[a JSON file of TXT records in place of the DNS]:file:_files' \
            '--test-keys=[a file of lines NAME RECORD in place of the DNS]:file:_files' \
            '--resolver=[which resolver asks the DNS]:value:(auto dnsclient unbound)' \
            '--nameserver=[ask this server, not those of resolv.conf]:ADDRESS\[@PORT\]: ' \
            '--trust-anchor=[the trust anchors of DNSSEC, which libunbound checks]:file:_files' \
            '--dns-timeout=[how long the lookups of a message may take]:SECONDS: ' \
            '--help[print this text and exit]' \
            '-h[print this text and exit]' \
            '--version[print version, commit, runtime and OpenSSL, and exit]' \
            '-V[print version, commit, runtime and OpenSSL, and exit]' \
            '*:file:_files' ;;
        explain) _arguments -s '--signature=[which signature to explain, counted from the top, from 1; without it all]:NUMBER: ' \
            '--number=[which message of a mailbox, or with --attached of one, to explain, from 1]:NUMBER: ' \
            '--deep[search longer for what happened\: a minute or so, not two seconds]' \
            '--json[print JSON, one object per message]' \
            '--allow-sha1[let rsa-sha1 signatures of DKIM pass]' \
            '--min-rsa-bits=[the shortest RSA key that may pass]:BITS: ' \
            '--refuse-unsigned[do not let signatures pass whose l= leaves octets of the body unsigned]' \
            '--now=[the time to sign or judge by, since 1970, in place of the clock'\''s]:SECONDS: ' \
            '--html=[write a page for browsers to this file, in place of text; - is standard output]:file:_files' \
            '--color=[when to print in colour]:value:(auto always never)' \
            '--line-ends=[what ends a line of the message]:value:(auto crlf lf)' \
            '--attached[judge the messages that are attached to a message, not the message itself]' \
            '--zone=[a JSON file of TXT records in place of the DNS]:file:_files' \
            '--test-keys=[a file of lines NAME RECORD in place of the DNS]:file:_files' \
            '--resolver=[which resolver asks the DNS]:value:(auto dnsclient unbound)' \
            '--nameserver=[ask this server, not those of resolv.conf]:ADDRESS\[@PORT\]: ' \
            '--trust-anchor=[the trust anchors of DNSSEC, which libunbound checks]:file:_files' \
            '--dns-timeout=[how long the lookups of a message may take]:SECONDS: ' \
            '--help[print this text and exit]' \
            '-h[print this text and exit]' \
            '--version[print version, commit, runtime and OpenSSL, and exit]' \
            '-V[print version, commit, runtime and OpenSSL, and exit]' \
            '*:file:_files' ;;
        genkey) _arguments -s '--key=[the file of the private key]:file:_files' \
            '--private-key=[the file of the private key]:file:_files' \
            '--passphrase-file=[a file whose first line is the passphrase of the private key]:file:_files' \
            '--selector=[the selector of the key]:SELECTOR: ' \
            '--domain=[the domain of the key]:DOMAIN: ' \
            '--type=[the type of the new key]:value:(rsa ed25519)' \
            '--bits=[the length of a new RSA key]:BITS: ' \
            '-b[the length of a new RSA key]:BITS: ' \
            '--subdomains[let the key sign for subdomains in i=\: leave t=s out]' \
            '--testing[write t=y\: the domain is testing DKIM]' \
            '--only-sha256[write h=sha256\: allow no other hash]' \
            '--note=[the value of n=, a note to people]:TEXT: ' \
            '--as=[how to print the record that is to be published]:value:(all zone string text tinydns json nsupdate)' \
            '--form=[how to print the record that is to be published]:value:(all zone string text tinydns json nsupdate)' \
            '--help[print this text and exit]' \
            '-h[print this text and exit]' \
            '--version[print version, commit, runtime and OpenSSL, and exit]' \
            '-V[print version, commit, runtime and OpenSSL, and exit]' ;;
        record) _arguments -s '--key=[the file of the private key]:file:_files' \
            '--private-key=[the file of the private key]:file:_files' \
            '--passphrase-file=[a file whose first line is the passphrase of the private key]:file:_files' \
            '--selector=[the selector of the key]:SELECTOR: ' \
            '--domain=[the domain of the key]:DOMAIN: ' \
            '--subdomains[let the key sign for subdomains in i=\: leave t=s out]' \
            '--testing[write t=y\: the domain is testing DKIM]' \
            '--only-sha256[write h=sha256\: allow no other hash]' \
            '--note=[the value of n=, a note to people]:TEXT: ' \
            '--as=[how to print the record that is to be published]:value:(all zone string text tinydns json nsupdate)' \
            '--form=[how to print the record that is to be published]:value:(all zone string text tinydns json nsupdate)' \
            '--help[print this text and exit]' \
            '-h[print this text and exit]' \
            '--version[print version, commit, runtime and OpenSSL, and exit]' \
            '-V[print version, commit, runtime and OpenSSL, and exit]' \
            '*:file:_files' ;;
        testkey) _arguments -s '--key=[the file of the private key]:file:_files' \
            '--private-key=[the file of the private key]:file:_files' \
            '--passphrase-file=[a file whose first line is the passphrase of the private key]:file:_files' \
            '--selector=[the selector of the key]:SELECTOR: ' \
            '--domain=[the domain of the key]:DOMAIN: ' \
            '--json[print JSON, one object per message]' \
            '--min-rsa-bits=[the shortest RSA key that may pass]:BITS: ' \
            '--as=[how to print the record that is to be published]:value:(all zone string text tinydns json nsupdate)' \
            '--form=[how to print the record that is to be published]:value:(all zone string text tinydns json nsupdate)' \
            '--authoritative[ask every name server of the zone as well, and say which of them has what]' \
            '--html=[write a page for browsers to this file, in place of text; - is standard output]:file:_files' \
            '--color=[when to print in colour]:value:(auto always never)' \
            '--zone=[a JSON file of TXT records in place of the DNS]:file:_files' \
            '--test-keys=[a file of lines NAME RECORD in place of the DNS]:file:_files' \
            '--resolver=[which resolver asks the DNS]:value:(auto dnsclient unbound)' \
            '--nameserver=[ask this server, not those of resolv.conf]:ADDRESS\[@PORT\]: ' \
            '--trust-anchor=[the trust anchors of DNSSEC, which libunbound checks]:file:_files' \
            '--dns-timeout=[how long the lookups of a message may take]:SECONDS: ' \
            '--help[print this text and exit]' \
            '-h[print this text and exit]' \
            '--version[print version, commit, runtime and OpenSSL, and exit]' \
            '-V[print version, commit, runtime and OpenSSL, and exit]' ;;
        postfix) _arguments -s '--config=[the directory of main.cf and master.cf, as in postconf -c; without it the system'\''s]:file:_files' \
            '--filter=[the configuration file of the dkim-filter beside it]:file:_files' \
            '--dk-socket=[the socket of the dk-filter beside it, as in its -p]:SOCKET: ' \
            '--json[print JSON, one object per message]' \
            '--color=[when to print in colour]:value:(auto always never)' \
            '--help[print this text and exit]' \
            '-h[print this text and exit]' \
            '--version[print version, commit, runtime and OpenSSL, and exit]' \
            '-V[print version, commit, runtime and OpenSSL, and exit]' \
            '*:file:_files' ;;
        demo) _arguments -s '--stay[keep the proxies up until the program is interrupted, and say how to send to them]' \
            '--help[print this text and exit]' \
            '-h[print this text and exit]' \
            '--version[print version, commit, runtime and OpenSSL, and exit]' \
            '-V[print version, commit, runtime and OpenSSL, and exit]' ;;
        completions) _arguments -s '--help[print this text and exit]' \
            '-h[print this text and exit]' \
            '--version[print version, commit, runtime and OpenSSL, and exit]' \
            '-V[print version, commit, runtime and OpenSSL, and exit]' \
            '1:name:(bash zsh fish)' ;;
        help) _arguments -s '--help[print this text and exit]' \
            '-h[print this text and exit]' \
            '--version[print version, commit, runtime and OpenSSL, and exit]' \
            '-V[print version, commit, runtime and OpenSSL, and exit]' \
            '1:name:(sign verify explain genkey record testkey postfix demo completions help)' ;;
    esac
}
_dkim "$@"
