/// Whose mail is signed, and with which key, is the same wherever the tables of opendkim are: in a list, a file, a file of
/// patterns, or any store. And it is what a walk through the lines says, as opendkim.conf(5) has it.
module Dkim.Properties.SetLaws

open System
open System.Net
open Expecto
open Dkim.Tests
open Dkim.Tests.Core
open Dkim.Properties.SetHolders

let private trials = MailGenerators.trials 60

/// The sets of a configuration.
type private Sets =
    {
        Keys: Rows
        Signing: Rows
        Hosts: string list
        Multiple: bool
    }

/// Who sends from where.
type private Message =
    {
        User: string
        Domain: string
        Host: string
        Address: string
    }

/// What becomes of a message: put off, or signed by domain, selector and identity, from the top of the header.
type private Decision =
    | PutOff
    | Signed of string list

let private pick (choices: 'a[]) (number: int) : 'a =
    choices[int (uint32 number % uint32 choices.Length)]

// Few words, so that they meet.
let private users = [| "u"; "v"; "U" |]
let private domains = [| "a.test"; "b.a.test"; "c.b.a.test"; "test"; "B.A.Test" |]

let private senders =
    [|
        "u@a.test"
        "U@b.a.test"
        "v@a.test"
        "a.test"
        "B.a.test"
        "u@.a.test"
        ".a.test"
        ".test"
        "v@.test"
        "u@*"
        "*"
    |]

let private keyNames = [| "a.test"; "b.a.test"; "k1"; "k2" |]

let private signers =
    [|
        "a.test"
        "b.a.test"
        "k1"
        "k2"
        "%"
        "nobody"
        "k1:boss@a.test"
        "k2:@%"
        "%:x@other.test"
        "k1:nothing"
    |]

let private places =
    [|
        "a.test:s1:/keys/a"
        "b.a.test:s2:/keys/a"
        "%:s3:/keys/a"
        "a.test:s4:/keys/%"
        "b.a.test:s5:/keys/%"
        "a.test:s6:/keys/none"
        "a.test:s7"
    |]

let private hosts =
    [|
        "web.x.test"
        "!web.x.test"
        ".X.test"
        "!.x.test"
        "192.0.2.5"
        "!192.0.2.5"
        "[192.0.2.5]"
        "192.0.2.0/24"
        "!192.0.0.0/16"
        "10.1.2.3/8"
        "10.0.0.0/8"
        "0.0.0.0/0"
        "2001:db8::/32"
        "![2001:db8::5]"
    |]

let private clients =
    [|
        "web.x.test", "192.0.2.5"
        "Mail.x.test", "192.0.9.1"
        "[10.1.2.3]", "10.1.2.3"
        "x.test", "2001:db8::5"
    |]

let private keys = [ "/keys/a", "rsa1024"; "/keys/a.test", "rsa1024" ]

let private above (domain: string) : string list =
    let labels = domain.Split '.'
    [ for from in 1 .. labels.Length - 1 -> "." + String.Join(".", labels[from..]) ]

/// The walk of a host list: the texts of a client one after another, each in every line.
let private isOurs (sets: Sets) (message: Message) : bool =
    let decide (texts: string list) =
        texts
        |> List.tryPick (fun text ->
            if List.exists (same ("!" + text)) sets.Hosts then
                Some false
            elif List.exists (same text) sets.Hosts then
                Some true
            else
                None)

    let address = IPAddress.Parse message.Address
    let octets = address.GetAddressBytes()

    let network bits =
        let masked =
            octets
            |> Array.mapi (fun index octet -> octet &&& byte (0xff00 >>> max 0 (min 8 (bits - 8 * index))))

        string (IPAddress masked) + "/" + string bits, "[" + string (IPAddress masked) + "]/" + string bits

    let names =
        if message.Host.StartsWith '[' then
            []
        else
            let host = message.Host.ToLowerInvariant()
            host :: above host

    let networks =
        [ 8 * octets.Length .. -1 .. 0 ]
        |> List.collect (fun bits -> [ fst (network bits); snd (network bits) ])

    let text = string address

    decide names = Some true
    || decide (text :: "[" + text + "]" :: networks) = Some true

let private matching (sets: Sets) (message: Message) : string list =
    let domain = message.Domain.ToLowerInvariant()

    let forms =
        [
            message.User + "@" + domain
            domain
            for parent in above domain do
                message.User + "@" + parent
                parent
            message.User + "@*"
            "*"
        ]

    let found =
        forms
        |> List.choose (fun form -> sets.Signing |> List.tryFind (fst >> same form) |> Option.map snd)

    if sets.Multiple then found else List.truncate 1 found

/// The signature that a row asks for; nothing where its key cannot be used.
let private signature (sets: Sets) (message: Message) (row: string) : string option =
    let domain = message.Domain.ToLowerInvariant()
    let parts = row.Split(':', 2)
    let name = if parts[0] = "%" then domain else parts[0]

    match
        sets.Keys
        |> List.tryFind (fst >> (=) name)
        |> Option.map (fun (_, value) -> value.Split(':', 3))
    with
    | Some [| signing; selector; place |] ->
        let signing = if signing = "%" then domain else signing

        let signer =
            if parts.Length = 2 then
                parts[1].Replace("%", domain)
            else
                ""

        let identity = signer.Substring(signer.IndexOf '@' + 1)

        let isWithin =
            signer.Contains '@' && (identity = signing || identity.EndsWith("." + signing))

        if keys |> List.exists (fst >> (=) (place.Replace("%", signing))) then
            Some(signing + "/" + selector + (if isWithin then "/" + signer else ""))
        else
            None
    | _ -> None

/// What opendkim.conf(5) says becomes of a message.
let private expected (sets: Sets) (message: Message) : Decision =
    if not (isOurs sets message) then
        Signed []
    else
        let wanted = matching sets message |> List.map (signature sets message)

        if List.contains None wanted then
            PutOff
        else
            Signed(wanted |> List.choose id |> List.rev)

let private readKey = OpenDkimRuns.readKey keys []

/// What the program does with messages, with its sets held in one way.
let private decisions (holder: Holder) (sets: Sets) (messages: Message list) : Decision list =
    let folded (rows: Rows) =
        if holder.ComparesOctets then
            rows |> List.map (fun (key, value) -> key.ToLowerInvariant(), value)
        else
            rows

    let rowsOf (set: string) : Rows =
        match set with
        | "keys" -> sets.Keys
        | "signing" -> folded sets.Signing
        | "hosts" -> sets.Hosts |> List.map (fun text -> text, "") |> folded
        | other -> invalidArg (nameof set) other

    let placed =
        [ "KeyTable", "keys"; "SigningTable", "signing"; "InternalHosts", "hosts" ]
        |> List.map (fun (setting, set) ->
            let struct (value, files) = holder.Place set (rowsOf set)
            setting + " " + value, files)

    let conf =
        [
            "Socket local:/s"
            "CheckSigningTable no"
            "MultipleSignatures " + (if sets.Multiple then "yes" else "no")
            yield! List.map fst placed
        ]

    let keyFiles =
        keys |> List.map (fun (path, kind) -> path, OpenDkimRuns.keyText kind)

    let program =
        FilterRuns.startOpenDkim
            readKey
            (("conf", String.Join("\n", conf)) :: keyFiles @ List.collect snd placed)
            [ "-x"; "conf" ]
        |> Starts.serving

    messages
    |> List.map (fun message ->
        let way =
            { FilterPassages.local with
                Client = FilterPassages.client message.Host message.Address
                Rows = holder.Ask rowsOf
            }

        let ran =
            OpenDkimRuns.sendWith readKey program way ("From: " + message.User + "@" + message.Domain + "\n\nhello\n")

        match ran.Ending with
        | FilterPassages.Deferred -> PutOff
        | FilterPassages.Accepted -> Signed(OpenDkimRuns.signed ran)
        | other -> invalidOp (string other))

let private rowsOf (keys: string[]) (values: string[]) (chosen: (int * int) list) : Rows =
    match chosen |> List.map (fun (key, value) -> pick keys key, pick values value) with
    | [] -> [ keys[0], values[0] ]
    | rows -> rows

let private setsOf keys signing listed multiple : Sets =
    {
        Keys = rowsOf keyNames places keys
        Signing = rowsOf senders signers signing
        Hosts =
            (match List.map (pick hosts) listed with
             | [] -> [ hosts[0] ]
             | listed -> listed)
        Multiple = multiple
    }

let private messageOf (user: int, domain: int, client: int) : Message =
    let host, address = pick clients client

    {
        User = pick users user
        Domain = pick domains domain
        Host = host
        Address = address
    }

// An engine that compares octets does not find a user in capitals.
let private asIs (holder: Holder) (message: Message) =
    not holder.ComparesOctets || message.User = message.User.ToLowerInvariant()

let private judge (holder: Holder) (sets: Sets) (messages: Message list) : unit =
    let messages = messages |> List.filter (asIs holder)

    Expect.about holder.Name (fun () ->
        Expect.equal (messages |> List.map (expected sets)) (decisions holder sets messages))

[<Tests>]
let tests =
    testList
        "SetLaws"
        [
            testLaw
                trials
                "wherever the tables are, mail is signed alike"
                (fun keys signing listed multiple (messages: (int * int * int) list) ->
                    let sets = setsOf keys signing listed multiple
                    let messages = messages |> List.truncate 6 |> List.map messageOf

                    for holder in all do
                        judge holder sets messages)

            testLaw
                trials
                "keys that are named by their domains may be rspamd's"
                (fun (selectors: int list) signing listed multiple (messages: (int * int * int) list) ->
                    let sets =
                        { setsOf [] signing listed multiple with
                            Keys =
                                [ "a.test"; "b.a.test" ]
                                |> List.truncate (1 + selectors.Length)
                                |> List.mapi (fun index domain ->
                                    let selector = pick [| "s1"; "s2" |] (List.sum selectors + index)
                                    domain, domain + ":" + selector + ":/keys/a")
                        }

                    judge rspamd sets (messages |> List.truncate 6 |> List.map messageOf))
        ]
