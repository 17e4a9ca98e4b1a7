# Completion of dkim(1) for bash, made by: dkim completions bash
_dkim() {
    local current=${COMP_WORDS[COMP_CWORD]} option=${COMP_WORDS[COMP_CWORD - 1]}
    local words= kind= options= operands= files=
    COMPREPLY=()
    # bash splits --option=value at the sign.
    if [[ $current == = ]]; then
        current=
    elif [[ $option == = ]]; then
        option=${COMP_WORDS[COMP_CWORD - 2]}
    fi
    if ((COMP_CWORD == 1)); then
        COMPREPLY=($(compgen -W 'sign verify explain genkey record testkey postfix demo completions help --help --version' -- "$current"))
        return
    fi
    case ${COMP_WORDS[1]} in
        sign)
            case $option in
                --key | --private-key) kind=path ;;
                --passphrase-file) kind=path ;;
                --selector) kind=value ;;
                --domain) kind=value ;;
                --scheme) words='dkim domainkeys' kind=value ;;
                --hash) words='sha256 sha1' kind=value ;;
                --header-canon) words='relaxed simple nofws' kind=value ;;
                --body-canon) words='relaxed simple' kind=value ;;
                --identity) kind=value ;;
                --sign) kind=value ;;
                --lifetime) kind=value ;;
                --line-ends) words='auto crlf lf' kind=value ;;
                --now) kind=value ;;
            esac
            files=yes
            options='--key --private-key --passphrase-file --selector --domain --scheme --hash --header-canon --body-canon --identity --sign --seal --length --timestamp --lifetime --copies --message --line-ends --now --help -h --version -V' ;;
        verify)
            case $option in
                --min-rsa-bits) kind=value ;;
                --now) kind=value ;;
                --batch) kind=path ;;
                --require) words='pass nothing' kind=value ;;
                --html) kind=path ;;
                --color) words='auto always never' kind=value ;;
                --line-ends) words='auto crlf lf' kind=value ;;
                --zone) kind=path ;;
                --test-keys) kind=path ;;
                --resolver) words='auto dnsclient unbound' kind=value ;;
                --nameserver) kind=value ;;
                --trust-anchor) kind=path ;;
                --dns-timeout) kind=value ;;
            esac
            files=yes
            options='--json --allow-sha1 --min-rsa-bits --refuse-unsigned --now --batch --require --html --color --line-ends --attached --zone --test-keys --resolver --nameserver --trust-anchor --dns-timeout --help -h --version -V' ;;
        explain)
            case $option in
                --signature) kind=value ;;
                --number) kind=value ;;
                --min-rsa-bits) kind=value ;;
                --now) kind=value ;;
                --html) kind=path ;;
                --color) words='auto always never' kind=value ;;
                --line-ends) words='auto crlf lf' kind=value ;;
                --zone) kind=path ;;
                --test-keys) kind=path ;;
                --resolver) words='auto dnsclient unbound' kind=value ;;
                --nameserver) kind=value ;;
                --trust-anchor) kind=path ;;
                --dns-timeout) kind=value ;;
            esac
            files=yes
            options='--signature --number --deep --json --allow-sha1 --min-rsa-bits --refuse-unsigned --now --html --color --line-ends --attached --zone --test-keys --resolver --nameserver --trust-anchor --dns-timeout --help -h --version -V' ;;
        genkey)
            case $option in
                --key | --private-key) kind=path ;;
                --passphrase-file) kind=path ;;
                --selector) kind=value ;;
                --domain) kind=value ;;
                --type) words='rsa ed25519' kind=value ;;
                --bits | -b) kind=value ;;
                --note) kind=value ;;
                --as | --form) words='all zone string text tinydns json nsupdate' kind=value ;;
            esac
            options='--key --private-key --passphrase-file --selector --domain --type --bits -b --subdomains --testing --only-sha256 --note --as --form --help -h --version -V' ;;
        record)
            case $option in
                --key | --private-key) kind=path ;;
                --passphrase-file) kind=path ;;
                --selector) kind=value ;;
                --domain) kind=value ;;
                --note) kind=value ;;
                --as | --form) words='all zone string text tinydns json nsupdate' kind=value ;;
            esac
            files=yes
            options='--key --private-key --passphrase-file --selector --domain --subdomains --testing --only-sha256 --note --as --form --help -h --version -V' ;;
        testkey)
            case $option in
                --key | --private-key) kind=path ;;
                --passphrase-file) kind=path ;;
                --selector) kind=value ;;
                --domain) kind=value ;;
                --min-rsa-bits) kind=value ;;
                --as | --form) words='all zone string text tinydns json nsupdate' kind=value ;;
                --html) kind=path ;;
                --color) words='auto always never' kind=value ;;
                --zone) kind=path ;;
                --test-keys) kind=path ;;
                --resolver) words='auto dnsclient unbound' kind=value ;;
                --nameserver) kind=value ;;
                --trust-anchor) kind=path ;;
                --dns-timeout) kind=value ;;
            esac
            options='--key --private-key --passphrase-file --selector --domain --json --min-rsa-bits --as --form --authoritative --html --color --zone --test-keys --resolver --nameserver --trust-anchor --dns-timeout --help -h --version -V' ;;
        postfix)
            case $option in
                --config) kind=path ;;
                --filter) kind=path ;;
                --dk-socket) kind=value ;;
                --color) words='auto always never' kind=value ;;
            esac
            files=yes
            options='--config --filter --dk-socket --json --color --help -h --version -V' ;;
        demo)
            options='--stay --help -h --version -V' ;;
        completions)
            operands='bash zsh fish'
            options='--help -h --version -V' ;;
        help)
            operands='sign verify explain genkey record testkey postfix demo completions help'
            options='--help -h --version -V' ;;
    esac
    case $kind in
        value) COMPREPLY=($(compgen -W "$words" -- "$current")) ;;
        path) compopt -o filenames 2> /dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
        *)
            if [[ $current == -* ]]; then
                COMPREPLY=($(compgen -W "$options" -- "$current"))
            elif [[ $files ]]; then
                compopt -o filenames 2> /dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current")
            else
                COMPREPLY=($(compgen -W "$operands" -- "$current"))
            fi ;;
    esac
}
complete -F _dkim dkim
