/// The texts that an address is looked up by in a data set, the first that is there deciding (opendkim.conf(5) SigningTable,
/// BodyLengthDB).
module Dkim.Core.Tables.AddressForms

/// More labels than these no name has that the DNS knows.
[<Literal>]
let private MostLabels = 127

/// The parents of a domain, each with its dot: of `a.b.c` `.b.c` and `.c`.
let parents (domain: string) : string list =
    let rec climb (from: int) left =
        match domain.IndexOf('.', from) with
        | -1 -> []
        | _ when left = 0 -> []
        | dot -> domain.Substring dot :: climb (dot + 1) (left - 1)

    climb 0 MostLabels

/// Whether a text may be in a data set: no address that signs has octets above 127.
let isAscii (text: string) =
    text |> String.forall (fun c -> c < '\128')

/// The forms of a sender in SigningTable.
let ofSender (user: string) (domain: string) : string list =
    (user + "@" + domain)
    :: domain
    :: (parents domain |> List.collect (fun parent -> [ user + "@" + parent; parent ]))
    @ [ user + "@*"; "*" ]

/// The forms of a recipient in BodyLengthDB.
let ofRecipient (user: string) (domain: string) : string list =
    (user + "@" + domain)
    :: ("*@" + domain)
    :: (parents domain
        |> List.collect (fun parent -> [ user + "@" + parent; "*@" + parent ]))
    @ [ user + "@*"; "*" ]

/// The forms of a recipient's address.
let ofAddress (address: string) : string list =
    let at = address.LastIndexOf '@'
    ofRecipient (address.Substring(0, max 0 at)) (address.Substring(at + 1).ToLowerInvariant())

let private ask (table: Table) forms (user: string) (domain: string) (find: string -> Lookup<'found>) =
    let queries =
        if table.IsPatterns then
            [ user + "@" + domain ]
        else
            forms user domain

    queries |> List.filter isAscii |> Lookup.first find

/// The entry that a sender signs by.
let findSender (table: Table) (user: string) (domain: string) : Lookup<Row list> =
    ask table ofSender user domain (table.Find >> Lookup.map List.singleton)

/// Every entry that a sender signs by: all patterns that match, or the entries of all forms.
let findSenders (table: Table) (user: string) (domain: string) : Lookup<Row list> =
    if table.IsPatterns then
        ask table ofSender user domain table.FindAll
    else
        let add found form =
            match found, table.Find form with
            | Lookup.Unavailable _, _
            | _, Lookup.Absent -> found
            | _, Lookup.Unavailable reason -> Lookup.Unavailable reason
            | Lookup.Absent, Lookup.Found row -> Lookup.Found [ row ]
            | Lookup.Found rows, Lookup.Found row -> Lookup.Found(rows @ [ row ])

        ofSender user domain |> List.filter isAscii |> List.fold add Lookup.Absent

/// The entry of a recipient.
let findRecipient (table: Table) (address: string) : Lookup<Row list> =
    let at = address.LastIndexOf '@'
    let user = address.Substring(0, max 0 at)
    ask table ofRecipient user (address.Substring(at + 1).ToLowerInvariant()) (table.Find >> Lookup.map List.singleton)
