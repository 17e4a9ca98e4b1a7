/// The rows of dk-filter, whose letters are its own: -s is the key, -S the selector (dk-filter(8)).
module internal Dkim.Core.Programs.Filters.Settings.DkFilterTable

open Dkim.Core.Records
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Filters.Values
open Dkim.Core.Programs.Filters.Values.Rows

[<Literal>]
let private Source = "dk-filter(8)"

/// The row that dkim-filter.conf(5) has under a name, under a letter of dk-filter.
let private named (name: string, letter': char) : Setting<FilterSettings> =
    { (DkimFilterTable.table |> List.find (fun row -> row.Name = name)) with
        Name = string letter'
    }
    |> letter letter'
    |> Setting.alias name

let private letters: (string * char) list =
    [
        "Socket", 'p'
        "UserID", 'u'
        "PidFile", 'P'
        "f", 'f'
        "AutoRestart", 'A'
        "Syslog", 'l'
        "DNSTimeout", 'T'
        "POPDBFile", 'U'
    ]

let private whose: (string * char) list =
    [
        "Mode", 'b'
        "PeerList", 'a'
        "InternalHosts", 'i'
        "ExternalIgnoreList", 'I'
        "MTA", 'm'
        "MacroList", 'M'
        "Domain", 'd'
        "SubDomains", 'D'
    ]

let private outcome: (string * char) list =
    [ "Quarantine", 'q'; "X-Header", 'h'; "SendReports", 'R'; "Selector", 'S' ]

let private respoken: (string * (Setting<FilterSettings> -> Setting<FilterSettings>)) list =
    [
        "b", Setting.says "sign, verify, or both (default: sv)"
        "C",
        Setting.detail
            "Results are badsignature (bad), dnserror (dns), internal (int), nosignature (no), signaturemissing (miss), \
             which is a message without a signature whose domain signs everything, and default (def), which stands for \
             all; actions accept (a), discard (d), reject (r) and tempfail (t). They are taken from the left to the \
             right."
        "S", Setting.says "the selector that the public key is published under"
        "R", Setting.says "mail a report of a bad signature to the r= of the domain's policy"
    ]

let private spoken (row: Setting<FilterSettings>) : Setting<FilterSettings> =
    match respoken |> List.tryFind (fst >> (=) row.Name) with
    | Some(_, say) -> say row
    | None -> row

let private keys: Setting<ListNames> list =
    [
        Setting.optional "s" path _.KeyFile (fun v s -> { s with KeyFile = v })
        |> letter 's'
        |> Setting.alias "KeyFile"
        |> Setting.alias "KeyList"
        |> Setting.brings ListNames.NeedsKey
        |> Setting.says "the private key that signs"
        |> Setting.detail "PEM, RSA."
        Setting.flag "k" _.MultipleKeys (fun v s -> { s with MultipleKeys = v })
        |> letter 'k'
        |> Setting.says "the file of -s is a key list"
        |> Setting.detail
            "Lines of PATTERN:KEY. The first pattern that matches the sender's address, * standing for any characters, \
             decides. The last part of KEY is the selector."
    ]

let private signing: Setting<SigningSettings> list =
    [
        Setting.make
            "c"
            Codecs.domainKeysCanonicalization
            (fun (s: SigningSettings) -> struct (s.HeaderCanon, s.BodyCanon))
            (fun (struct (header, body)) (s: SigningSettings) ->
                { s with
                    HeaderCanon = header
                    BodyCanon = body
                })
        |> letter 'c'
        |> Setting.says "the canonicalization of signatures"
        Setting.flag "H" (fun (s: SigningSettings) -> s.WithNames) (fun v s -> { s with WithNames = v })
        |> letter 'H'
        |> Setting.says "name the signed fields in signatures (h=)"
        |> Setting.detail "Verifiers can then leave out fields that were added on the way."
        Setting.make
            "o"
            (Pattern.listCodec "NAME,...")
            (fun (s: SigningSettings) -> ValueOption.defaultValue [] s.OmitHeaders)
            (fun v (s: SigningSettings) -> { s with OmitHeaders = ValueSome v })
        |> letter 'o'
        |> Setting.says "fields not to sign"
        |> Setting.detail "A signature that leaves fields out names those that it covers, as with -H."
    ]

let private running: Setting<FilterSettings> list =
    [
        FilterSettings.check
        |> Setting.detail
            "The way of a start is gone, as the user of -u, but for the socket, which is not opened; everything that is \
             wrong is told at once. Who signs for whom goes to standard output, a line for each key."
        FilterSettings.version
        |> Setting.says "print the version as the original does, and exit"
        FilterSettings.build
    ]

let table: Setting<FilterSettings> list =
    [
        letters |> List.map named
        whose |> List.map named
        FilterSettings.actions [ DispositionRows.whole DomainKeys ]
        outcome |> List.map named
        FilterSettings.names keys
        FilterSettings.signing signing
        running
    ]
    |> List.concat
    |> List.map spoken
    |> Setting.group "all" Source
