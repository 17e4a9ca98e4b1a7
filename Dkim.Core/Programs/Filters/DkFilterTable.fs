/// The rows of dk-filter, whose letters are its own: -s is the key, -S the selector (dk-filter(8)).
module internal Dkim.Core.Programs.Filters.DkFilterTable

open Dkim.Core.Records
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Filters.FilterTable
open Dkim.Core.Programs.Running

[<Literal>]
let private Source = "dk-filter(8)"

/// The row that dkim-filter.conf(5) has under a name, under a letter of dk-filter.
let private named (rows: Setting<'s> list) (name: string, letter': char) : Setting<'s> =
    { (rows |> List.find (fun row -> row.Name = name)) with
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

let private services: Setting<FilterService> list =
    letters |> List.map (named service)

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

let private scopes: Setting<FilterScope> list =
    List.map (named scope) whose
    @ [ actionList DomainKeys ]
    @ List.map (named scope) outcome

let private respoken: (string * (Setting<FilterScope> -> Setting<FilterScope>)) list =
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

let private spoken (row: Setting<FilterScope>) : Setting<FilterScope> =
    match respoken |> List.tryFind (fst >> (=) row.Name) with
    | Some(_, say) -> say row
    | None -> row

let private keys: Setting<DkFilterSettings> list =
    [
        Setting.optional "s" path (fun (s: DkFilterSettings) -> s.Scope.KeyFile) (fun v s ->
            { s with
                Scope = { s.Scope with KeyFile = v }
            })
        |> letter 's'
        |> Setting.alias "KeyFile"
        |> Setting.alias "KeyList"
        |> Setting.says "the private key that signs"
        |> Setting.detail "PEM, RSA."
        Setting.flag "k" (fun (s: DkFilterSettings) -> s.MultipleKeys) (fun v (s: DkFilterSettings) ->
            { s with MultipleKeys = v })
        |> letter 'k'
        |> Setting.says "the file of -s is a key list"
        |> Setting.detail
            "Lines of PATTERN:KEY. The first pattern that matches the sender's address, * standing for any characters, \
             decides. The last part of KEY is the selector."
        Setting.make
            "c"
            FilterCodecs.domainKeysCanonicalization
            (fun (s: DkFilterSettings) -> struct (s.HeaderCanon, s.BodyCanon))
            (fun (struct (header, body)) (s: DkFilterSettings) ->
                { s with
                    HeaderCanon = header
                    BodyCanon = body
                })
        |> letter 'c'
        |> Setting.says "the canonicalization of signatures"
        Setting.flag "H" _.WithNames (fun v s -> { s with WithNames = v })
        |> letter 'H'
        |> Setting.says "name the signed fields in signatures (h=)"
        |> Setting.detail "Verifiers can then leave out fields that were added on the way."
        Setting.make
            "o"
            (Pattern.listCodec "NAME,...")
            (fun (s: DkFilterSettings) -> s.OmitHeaders)
            (fun v (s: DkFilterSettings) -> { s with OmitHeaders = v })
        |> letter 'o'
        |> Setting.says "fields not to sign"
        |> Setting.detail "A signature that leaves fields out names those that it covers, as with -H."
        Setting.flag "n" (fun (s: DkFilterSettings) -> s.Check) (fun v (s: DkFilterSettings) -> { s with Check = v })
        |> letter 'n'
        |> Setting.says "say whether the filter would start, and exit"
        |> Setting.detail
            "The way of a start is gone, as the user of -u, but for the socket, which is not opened; everything that is \
             wrong is told at once. Who signs for whom goes to standard output, a line for each key."
        Setting.flag "V" (fun (s: DkFilterSettings) -> s.Version) (fun v (s: DkFilterSettings) ->
            { s with Version = v })
        |> letter 'V'
        |> Setting.says "print the version as the original does, and exit"
        Setting.flag "version" (fun (s: DkFilterSettings) -> s.Build) (fun v (s: DkFilterSettings) ->
            { s with Build = v })
        |> Setting.spelled [ Spelling.Word "version" ]
        |> Setting.says BuildFacts.Summary
    ]

let table: Setting<DkFilterSettings> list =
    let ofScope =
        scopes
        |> List.map (
            spoken
            >> Setting.within (fun (s: DkFilterSettings) -> s.Scope) (fun v (s: DkFilterSettings) ->
                { s with Scope = v })
        )

    let ofService =
        services
        |> List.map (
            Setting.within (fun (s: DkFilterSettings) -> s.Service) (fun v (s: DkFilterSettings) ->
                { s with Service = v })
        )

    ofService @ ofScope @ keys |> Setting.group "all" Source
