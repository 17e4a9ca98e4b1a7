/// The settings of qmail-dk: variables of its environment, since qmail-queue has no options.
namespace Dkim.Core.Programs.Qmail

open System.Net
open System
open Dkim.Core.Dns
open Dkim.Core.Programs.Settings

/// Settings of the queue front end. Paths that do not begin with a slash lie in the qmail home.
type QmailSettings =
    {
        /// There at all: the client may relay, so its mail is signed and not verified.
        RelayClient: string voption
        /// Where the key of a DomainKeys signature lies; the first `%` stands for the domain.
        DomainKeysKey: string
        /// The same for DKIM, a signature for each.
        DkimKeys: string list voption
        /// The statuses of DomainKeys that are refused; nothing means that signatures are not looked at.
        DomainKeysLetters: string voption
        DkimLetters: string voption
        DomainKeysQueue: string voption
        DkimQueue: string voption
        Home: string voption
        TemporaryFiles: string
        /// How long to wait for keys, in seconds.
        LookupTime: int
        TestKeys: string voption
        Nameserver: IPEndPoint voption
        Resolver: ResolverKind
    }

module QmailSettings =
    /// The default of DKSIGN.
    [<Literal>]
    let private DefaultKey = "/etc/domainkeys/%/default"

    let defaults =
        {
            RelayClient = ValueNone
            DomainKeysKey = DefaultKey
            DkimKeys = ValueNone
            DomainKeysLetters = ValueNone
            DkimLetters = ValueNone
            DomainKeysQueue = ValueNone
            DkimQueue = ValueNone
            Home = ValueNone
            TemporaryFiles = "/tmp"
            LookupTime = 10
            TestKeys = ValueNone
            Nameserver = ValueNone
            Resolver = ResolverKind.Auto
        }

    // Any text, the empty one too: that a variable is there may be all that it says.
    let private anything shape : Codec<string> =
        { Shape = shape; Parse = Ok; Show = id }

    let private paths: Codec<string list> =
        anything "PATHS"
        |> Codec.map
            (fun text -> List.ofArray (text.Split(' ', System.StringSplitOptions.RemoveEmptyEntries)))
            (fun all -> System.String.Join(' ', all))

    /// What a program that has rights which its caller lacks takes of the caller's environment.
    type private Trust =
        | FromAnyone
        | FromNobody
        /// Paths below the directory of its own default.
        | BelowKeyDirectory

    /// A variable, with what is heeded of it.
    [<NoComparison; NoEquality>]
    type private Variable =
        {
            Row: Setting<QmailSettings>
            Trust: Trust
            /// It says nothing where it is empty, as shells and tcprules leave it.
            EmptyIsUnset: bool
        }

    let private variable (setting: Setting<QmailSettings>) : Variable =
        {
            Row = setting |> Setting.spelled [ Spelling.Variable setting.Name ]
            Trust = FromAnyone
            EmptyIsUnset = false
        }

    let private trusts trust variable = { variable with Trust = trust }

    let private unsetWhenEmpty variable = { variable with EmptyIsUnset = true }

    let private group heading source (variables: Variable list) =
        variables
        |> List.map (fun one ->
            { one with
                Row = one.Row |> List.singleton |> Setting.group heading source |> List.head
            })

    let private signing =
        [
            Setting.optional "RELAYCLIENT" (anything "TEXT") _.RelayClient (fun v s -> { s with RelayClient = v })
            |> Setting.says "where it is set, even to nothing, mail is signed; else it is verified"
            |> Setting.detail
                "tcpserver sets it for clients that may relay. Mail injected on this host is signed only if it is set \
                 for that too."
            |> variable
            Setting.make "DKSIGN" (anything "PATH") _.DomainKeysKey (fun v s -> { s with DomainKeysKey = v })
            |> Setting.says "the private key for DomainKeys signatures"
            |> Setting.detail
                "The first % stands for the domain of the Sender field or, without one, of the From field, in lower \
                 case. If there is no such file, the message passes unsigned. Without a % it is refused (exit code \
                 32). The part behind the last slash is the selector. dknewkey(8) makes keys."
            |> variable
            |> trusts BelowKeyDirectory
        ]
        |> group "signing" "qmail-dk(8)"

    let private signingDkim =
        [
            Setting.optional "DKIMSIGN" paths _.DkimKeys (fun v s -> { s with DkimKeys = v })
            |> Setting.says "the private keys for DKIM signatures, with blanks between them"
            |> Setting.detail
                "As DKSIGN, but the domain is always that of the From field, and the keys may be RSA or Ed25519. Each \
                 gives a signature of its own. Without it there are none."
            |> variable
            |> trusts BelowKeyDirectory
        ]
        |> group "signing" "new"

    let private verifying =
        [
            Setting.optional "DKVERIFY" (anything "LETTERS") _.DomainKeysLetters (fun v s ->
                { s with DomainKeysLetters = v })
            |> Setting.says "the results of DomainKeys that are refused"
            |> Setting.detail
                "An upper-case letter refuses for good (exit code 13), a lower-case one for now (82). A good signature, \
                 B bad signature, C no signature, D no key, E unusable key, F key not to be had for now, G malformed \
                 message or signature, H beyond the limits, J key revoked, L key for another local part. I and K, an \
                 error of the program, cannot be results here: the exit code is 81. Where it is set, even to nothing, \
                 a DomainKey-Status field tells the result. Without it signatures are not looked at."
            |> variable
        ]
        |> group "verifying" "qmail-dk(8)"

    let private verifyingDkim =
        [
            Setting.optional "DKIMVERIFY" (anything "LETTERS") _.DkimLetters (fun v s -> { s with DkimLetters = v })
            |> Setting.says "the results of DKIM that are refused"
            |> Setting.detail
                "The letters of qmail-dkim(8), upper case and lower case as with DKVERIFY. A all signatures good, C \
                 some of them, E good ones that leave a part of the body out. Where none is good, each gives a letter: \
                 H malformed, I wrong signature, J the same from a domain that is testing, K expired, L unusable \
                 record, N key revoked, O name too long, P key not to be had for now, Q \
                 no key, R unusable key, U body altered, V algorithm not allowed, W unknown version, X From not \
                 signed; and all of them together D where every domain is testing, else T. S no signatures. G header \
                 beyond the limits. B, F and M cannot occur. Where it is set, even to nothing, an Authentication-Results \
                 field tells the results, and those that claim to be ours are removed."
            |> variable
            Setting.make "DKTIMEOUT" Codec.seconds _.LookupTime (fun v s -> { s with LookupTime = v })
            |> Setting.says "how long to wait for keys, in seconds"
            |> variable
            |> unsetWhenEmpty
            Setting.optional "DKNAMESERVER" Codec.server _.Nameserver (fun v s -> { s with Nameserver = v })
            |> Setting.says "the name server to ask instead of those of resolv.conf"
            |> variable
            |> trusts FromNobody
            |> unsetWhenEmpty
            Setting.make "DKRESOLVER" Codec.resolver _.Resolver (fun v s -> { s with Resolver = v })
            |> Setting.says "which resolver asks the DNS"
            |> Setting.detail (
                Codec.resolverDetail
                + " libunbound takes some milliseconds to start, and so does each message that is verified with it."
            )
            |> variable
            |> trusts FromNobody
            |> unsetWhenEmpty
            Setting.optional "DKTESTKEYS" (Codec.text "PATH") _.TestKeys (fun v s -> { s with TestKeys = v })
            |> Setting.says "a file of keys to use in place of the DNS"
            |> Setting.detail "A name, a blank and a record on each line."
            |> variable
            |> trusts FromNobody
            |> unsetWhenEmpty
        ]
        |> group "verifying" "new"

    let private queueing =
        [
            Setting.optional "DKQUEUE" (anything "PATH") _.DomainKeysQueue (fun v s -> { s with DomainKeysQueue = v })
            |> Setting.says "the program that queues the message"
            |> Setting.detail
                "Without it that is bin/qmail-queue, or bin/qmail-queue.orig where this program was started as \
                 qmail-queue, with a slash before that name."
            |> variable
            |> trusts FromNobody
        ]
        |> group "queueing" "qmail-dk(8)"

    let private queueingDkim =
        [
            Setting.optional "DKIMQUEUE" (anything "PATH") _.DkimQueue (fun v s -> { s with DkimQueue = v })
            |> Setting.says "the same where DKQUEUE is not set or empty"
            |> variable
            |> trusts FromNobody
            Setting.optional "DKHOME" (Codec.text "PATH") _.Home (fun v s -> { s with Home = v })
            |> Setting.says "the qmail home, in place of the one that was built in"
            |> variable
            |> trusts FromNobody
            |> unsetWhenEmpty
            Setting.make "TMPDIR" (Codec.text "PATH") _.TemporaryFiles (fun v s -> { s with TemporaryFiles = v })
            |> Setting.says "where messages over 1 MiB wait, in files without a name"
            |> variable
            |> trusts FromNobody
            |> unsetWhenEmpty
        ]
        |> group "queueing" "new"

    let private variables: Variable list =
        signing @ signingDkim @ verifying @ verifyingDkim @ queueing @ queueingDkim

    let table: Setting<QmailSettings> list = variables |> List.map _.Row

    [<Literal>]
    let private KeyDirectory = "/etc/domainkeys/"

    let private isBelowKeyDirectory (paths: string) =
        paths.Split([| ' '; '\t' |], StringSplitOptions.RemoveEmptyEntries)
        |> Array.forall (fun path ->
            path.StartsWith(KeyDirectory, StringComparison.Ordinal)
            && not (path.Contains("..", StringComparison.Ordinal)))

    /// The variables that settings are read from: those of the environment that may count.
    let internal heeded (privileged: bool) (variable: string -> string voption) (name: string) : string voption =
        let ours = variables |> List.tryFind (fun one -> one.Row.Name = name)
        let trust = ours |> Option.map _.Trust |> Option.defaultValue FromAnyone

        let isHeeded text =
            match trust with
            | _ when not privileged -> true
            | FromAnyone -> true
            | FromNobody -> false
            | BelowKeyDirectory -> isBelowKeyDirectory text

        variable name
        |> ValueOption.filter (fun text -> isHeeded text && (text <> "" || not (ours |> Option.exists _.EmptyIsUnset)))

    /// Reads the environment, or says what is wrong with it.
    let internal read (heeded: string -> string voption) : QmailSettings * Problem list =
        Settings.apply [ CommandLine.environment table heeded ] defaults

    let text =
        {
            Name = "qmail-dk"
            Section = 8
            OneLine = "sign or verify a message and queue it"
            Command = ""
            Operands = ""
            Description =
                [
                    "qmail-dk has the interface of qmail-queue(8): the message on descriptor 0, the envelope on \
                     descriptor 1. It puts a signature on top of the message, or a field that tells what became of \
                     those that it has, and becomes the program that queues it. Nothing of a message is handed on \
                     before that is decided. The envelope is not touched."
                    "Set QMAILQUEUE to its path where mail comes in, or put it in place of bin/qmail-queue and the \
                     original beside it as bin/qmail-queue.orig."
                    "There are no options but --version alone, which prints version, commit, runtime and OpenSSL. The \
                     environment, which the next program gets with DKPASSAGES added, has the settings. \
                     Where the program runs with rights that its caller lacks (set-group-ID, set-user-ID), DKHOME, \
                     TMPDIR, DKTESTKEYS, DKNAMESERVER, DKRESOLVER, DKQUEUE and DKIMQUEUE are not heeded, nor DKSIGN and \
                     DKIMSIGN with a path outside /etc/domainkeys; the next program gets the caller's own rights. It works \
                     in the qmail home, where paths without a slash in front begin."
                    "Lines end in LF, as qmail has them, and are hashed as they are sent, with CRLF; so is a CR alone. \
                     What is below the added fields is passed on octet for octet."
                    "Where nothing is handed on, a line on descriptor 2 says why. Where descriptor 6 is a pipe to write \
                     to, as in notqmail since 1.09, the SMTP client is told why a letter refused its message; the exit \
                     code is then 82 in either case."
                    "DKPASSAGES counts in the environment how often a message comes through the program; after eight \
                     times the exit code is 55."
                ]
            Exits =
                [
                    0, "Queued, as the next program says. All other codes of qmail-queue are passed on too."
                    13, "A result that an upper-case letter refuses."
                    32, "There is no private key, and the path has no %."
                    51, "Out of memory."
                    52, "The message took more than a day to arrive."
                    53, "The message cannot be kept: the disk is full."
                    54, "The message or the envelope cannot be read."
                    55, "A setting is wrong, a private key cannot be read or used, or the next program leads back."
                    61, "The qmail home cannot be entered."
                    63, "No temporary file can be made."
                    81, "An error of the program."
                    82, "A result that a lower-case letter refuses."
                    120, "The next program cannot be executed."
                ]
            Examples =
                [
                    "Rules of tcpserver for a server that signs for its own clients and verifies the rest:",
                    [
                        "192.0.2.:allow,RELAYCLIENT=\"\",QMAILQUEUE=\"/var/qmail/bin/qmail-dk\""
                        ":allow,QMAILQUEUE=\"/var/qmail/bin/qmail-dk\",DKVERIFY=\"DEGJfh\",DKIMVERIFY=\"\""
                    ]
                    "A key for the domain example.com under the selector default:",
                    [
                        "mkdir -p /etc/domainkeys/example.com"
                        "dknewkey /etc/domainkeys/example.com/default"
                    ]
                ]
            SeeAlso = [ "dkim", 1; "dknewkey", 8; "dkimproxy.in", 8; "dkimproxy.out", 8 ]
        }
