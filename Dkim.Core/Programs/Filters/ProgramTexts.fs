/// What the manual pages of the two milters say besides their settings, and what -V prints.
module internal Dkim.Core.Programs.Filters.ProgramTexts

open System
open Dkim.Core.Programs.Settings

// dk-filter has neither test mode nor -n.
let private exits (good: string) (wrongData: string) (fault: string) =
    [
        0, good
        64, "The command line cannot be."
        65, wrongData
        69, "The socket cannot be opened, the database cannot be read, or there were too many restarts."
        70, fault
        71, "No other process could be started."
        77, "The change to the user did not succeed."
        78, "A setting is missing or wrong, or a file that one names."
    ]

let dkimFilter: ProgramText =
    {
        Name = "dkim-filter"
        Section = 8
        OneLine = "DKIM filter for sendmail and Postfix"
        Command = ""
        Operands = ""
        Description =
            [
                "dkim-filter signs and verifies mail for an MTA that speaks the milter protocol, as do Sendmail from \
                 8.13 on and Postfix from 2.3 on. Every message of one of our domains that comes from a client of ours \
                 is signed; every other message is verified, and an Authentication-Results field tells the result."
                "A message is of one of our domains if Domain or KeyList has the domain of the first of its fields \
                 Resent-Sender, Resent-From, Sender and From. It comes from a client of ours if the client has \
                 authenticated, is in InternalHosts, came in by a daemon of MTA, or a macro of MacroList is set."
                "What can be set in the file that -x names, dkim-filter.conf(5) tells. What the command line says beats \
                 the file until the file is read again."
                "On SIGUSR1 and SIGHUP the file and all that it names are read again. If anything is wrong with them, \
                 the log says so and everything stays as it was. Options of the command line count no more then. \
                 AutoRestart and its limits, Background, BaseDirectory, PidFile, POPDBFile, Quarantine, QueryCache, \
                 Socket with its mode and group, StrictTestMode, TestPublicKeys, UMask and UserID stay as they are. \
                 SIGTERM stops the filter when the messages in its hands are finished."
            ]
        Exits =
            exits
                "Stopped by a signal, -V, put into the background, or -n and all is well."
                "There is no such user or group, or with -t the message is malformed."
                "With -t, the message goes no further than its header; else something that must not happen."
        Examples =
            [
                "Sign the mail of a domain and verify all other mail:",
                [
                    "dkim-filter -l -p local:/run/dkim-filter/socket -u dkim -P /run/dkim-filter/pid \\"
                    "    -d example.com -s mail -k /etc/mail/dkim/mail.private"
                ]
                "The same from a file, after a look whether it is right:",
                [
                    "dkim-filter -n -x /etc/mail/dkim-filter.conf"
                    "dkim-filter -x /etc/mail/dkim-filter.conf"
                ]
                "What becomes of a message:", [ "dkim-filter -t message.eml -v" ]
            ]
        SeeAlso = [ "dkim", 1; "dkim-filter.conf", 5; "dkim-genkey", 8; "dkim-testkey", 8 ]
    }

/// The page of the file.
let dkimFilterConf: ProgramText =
    {
        Name = "dkim-filter.conf"
        Section = 5
        OneLine = "settings of dkim-filter"
        Command = ""
        Operands = ""
        Description =
            [
                "Each line of the file that -x of dkim-filter(8) names has a key, blanks and a value, which is one word. \
                 Keys may be in any case. A # begins a comment, wherever it stands. Of several lines with the same key \
                 the last counts. Numbers may be decimal, octal with a leading 0, or hexadecimal with a leading 0x. Of \
                 yes and no the first letter is enough."
                "Include FILE takes in another file at its place, up to five levels deep."
            ]
        Exits = []
        Examples =
            [
                "Sign the mail of a domain and verify all other mail:",
                [
                    "Domain    example.com"
                    "KeyFile   /etc/mail/dkim/mail.private"
                    "Selector  mail"
                    "Socket    local:/run/dkim-filter/socket"
                    "UserID    dkim"
                    "Syslog    yes"
                ]
            ]
        SeeAlso = [ "dkim-filter", 8 ]
    }

let dkFilter: ProgramText =
    {
        Name = "dk-filter"
        Section = 8
        OneLine = "DomainKeys filter for sendmail and Postfix"
        Command = ""
        Operands = ""
        Description =
            [
                "dk-filter signs and verifies DomainKeys signatures (RFC 4870) for an MTA that speaks the milter \
                 protocol. DKIM has taken their place: dkim-filter(8) is for that. The letters of the two programs differ."
                "Every message whose Sender, or else From, is of a domain of -d and that comes from a client of ours is \
                 signed; every other message is verified, and an Authentication-Results field tells the result. A client \
                 of ours has authenticated, is in the file of -i, came in by a daemon of -m, or has a macro of -M set."
            ]
        Exits =
            exits
                "Stopped by a signal, -V, put into the background, or -n and all is well."
                "There is no such user or group."
                "Something that must not happen."
        Examples =
            [
                "Sign the mail of a domain and verify all other mail:",
                [
                    "dk-filter -l -p local:/run/dk-filter/socket -u dkim -H \\"
                    "    -d example.com -S mail -s /etc/mail/domainkeys/mail.private"
                ]
            ]
        SeeAlso = [ "dkim", 1; "dkim-filter", 8; "dknewkey", 8 ]
    }

/// What dkim-filter signs with.
let algorithms = [ "rsa-sha1"; "rsa-sha256"; "ed25519-sha256" ]

/// Parts that the originals had only where they were built with them.
let options = [ "POPAUTH"; "QUERY_CACHE"; "USE_UNBOUND" ]

let private indented depth (lines: string list) =
    lines |> List.map (fun line -> String('\t', depth) + line)

/// What -V prints.
let version (prog: string) (title: string) (algorithms: string list) (canons: string list) (options: string list) =
    let lines =
        [ prog + ": " + title ]
        @ indented
            1
            [
                "Cryptography by OpenSSL, Ed25519 by BouncyCastle"
                "Supported signing algorithms:"
            ]
        @ indented 2 algorithms
        @ indented 1 [ "Supported canonicalization algorithms:" ]
        @ indented 2 canons
        @ indented 1 [ "Active code options:" ]
        @ indented 2 options

    String.Join('\n', lines) + "\n"
