/// The rows that name data sets (opendkim.conf(5)).
module internal Dkim.Core.Programs.Filters.OpenDkim.Settings.SetRows

open Dkim.Core.Tables
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Filters.Values.Rows

let private codec: Codec<SetPlace> =
    {
        Shape = "DATASET"
        Parse =
            fun text ->
                SetPlace.parse text
                |> Result.mapError (fun error -> SetPlace.withoutPassword text + ": " + SetPlace.describe error)
        Show = SetPlace.show
    }

let private row name : Setting<OpenDkimSettings> =
    Setting.optional name codec (OpenDkimSettings.tryPlace name) (fun v s ->
        { s with
            Sets =
                match v with
                | ValueSome place -> s.Sets.Add(name, place)
                | ValueNone -> s.Sets.Remove name
        })
    |> Setting.conceals SetPlace.withoutPassword
    |> key

let private lettered (letter: char) (row: Setting<OpenDkimSettings>) = both letter row

/// Whose mail is signed, and with what.
let signing: Setting<OpenDkimSettings> list =
    [
        row "Domain"
        |> lettered 'd'
        |> Setting.says "sign the mail of these domains with KeyFile"
        |> Setting.detail "A * stands for every domain. Where SigningTable is set, it has no effect."
        Setting.optional "KeyFile" path _.KeyFile (fun v s -> { s with KeyFile = v })
        |> both 'k'
        |> Setting.says "the private key that signs the mail of Domain"
        |> Setting.detail "PEM; RSA or Ed25519. It is read once, as the user who starts the program."
        Setting.optional "Selector" (Codec.text "NAME") _.Selector (fun v s -> { s with Selector = v })
        |> both 's'
        |> Setting.says "the selector that the public key of KeyFile is published under"
        row "KeyTable"
        |> Setting.says "which keys there are"
        |> Setting.detail
            "A name, and DOMAIN:SELECTOR:KEY or DOMAIN:SELECTOR:KEY:ALGORITHM. A DOMAIN of % is that of the sender. KEY \
             begins with /, ./ or ../ where it is the path of a file, in which every % becomes the domain of the signature; \
             else it is the key itself, PEM or the base64 of DER. Files are read when a message needs them, as the user of \
             the service, and again when they have changed."
        row "SigningTable"
        |> Setting.says "which key signs whose mail"
        |> Setting.detail
            "A sender, and KEYNAME or KEYNAME:SIGNER. Of a refile: the first pattern that matches user@host decides. Of \
             another data set these are looked for in this order: user@host, host, and for each domain above it user@.domain \
             and .domain, then user@* and *. A KEYNAME of % is the sender's domain. SIGNER is i= of the signature, every % in \
             it the sender's domain."
    ]

/// What signatures cover.
let fields: Setting<OpenDkimSettings> list =
    [
        row "SignHeaders"
        |> Setting.says "fields to sign"
        |> Setting.detail
            "With a * among them they change the default: +NAME adds a field, -NAME takes one away. From is always signed. The \
             default is From, Reply-To, Subject, Date, To, Cc, the Resent- and List- fields, In-Reply-To and References."
        row "OmitHeaders"
        |> lettered 'o'
        |> Setting.says "fields not to sign (default: Return-Path, Received, Comments, Keywords)"
        |> Setting.detail
            "They go before SignHeaders. A . leaves none out; with a * among them, +NAME and -NAME change the default."
        row "OverSignHeaders"
        |> Setting.says "fields that h= names once more, so that none can be added"
        row "SenderHeaders"
        |> Setting.says "fields that name the sender, the first that is there counting (default: From)"
        Setting.optional "ReplaceRules" path _.ReplaceRules (fun v s -> { s with ReplaceRules = v })
        |> key
        |> Setting.says "how the MTA will change fields after they are signed"
        |> Setting.detail
            "Lines of a basic regular expression (regex(7)), a tab, and the text that takes the place of every match in the \
             value of a field; a # begins a comment. The last line is applied first. Fields are signed as they will be, and \
             senders looked for in them, and the message is left as it is. Expressions that match the empty text, and references to groups, \
             are refused."
        row "ReplaceHeaders"
        |> Setting.says "the fields that ReplaceRules change (default: all)"
        row "ATPSDomains"
        |> Setting.says "domains of authors that have authorized other domains of ours to sign for them (RFC 6541)"
        |> Setting.detail "A signature for such an author under another domain says so in atps= and atpsh=."
        row "BodyLengthDB"
        |> Setting.says "recipients for whom l= is written"
        |> Setting.detail "Insecure: what is appended to such a message does not break its signature."
        row "DontSignMailTo"
        |> Setting.says "leave a message alone that has one of these recipients and would be signed"
        row "ExemptDomains"
        |> Setting.says "leave the mail of these domains alone; nothing of it is verified, either"
    ]

/// Clients that are told from others.
let clients: Setting<OpenDkimSettings> list =
    [
        row "InternalHosts"
        |> Setting.says "clients whose mail is signed (default: 127.0.0.1 and ::1)"
        |> Setting.detail
            "A host name, a .domain, an address, or a network as its first address and the length of its prefix. A ! before it \
             excludes. The name of a client is looked for first, then each domain above it; its address, then each network \
             around it: the first that is there decides. The set takes the place of the default."
        row "ExternalIgnoreList"
        |> Setting.says "other clients that may send for our domains without a line of the log"
        row "PeerList" |> Setting.says "clients whose mail is left alone"
        row "MTA" |> Setting.says "sign what comes in by these daemons of the MTA"
        row "MacroList"
        |> Setting.says "sign where one of these macros of the MTA is set"
        |> Setting.detail "NAME, or NAME=VALUE|VALUE, letter by letter. Data sets of the kinds csl and file alone."
    ]

/// What takes the place of the DNS.
let service: Setting<OpenDkimSettings> list =
    [
        row "TestDNSData"
        |> Setting.says "names and TXT records in place of the DNS"
        |> Setting.detail "Data sets of the kinds csl and file alone. With TestPublicKeys both count."
    ]

/// What is asked of signatures, and whose results go.
let verifying: Setting<OpenDkimSettings> list =
    [
        row "MustBeSigned"
        |> Setting.says "fields that must be signed where they are there"
        row "TrustSignaturesFrom"
        |> Setting.says "heed signatures of the author's domain and of these domains alone"
        row "RemoveARFrom"
        |> Setting.says "remove Authentication-Results of these hosts (default: our own)"
        |> Setting.detail "A dot in front means the hosts below a domain."
    ]
