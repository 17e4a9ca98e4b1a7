/// Whether all name servers of a zone have the same key, and whether it comes over UDP (RFC 1034 §4.2, RFC 6891 §6.2.5).
namespace Dkim.Core.KeyCheck

open System
open System.Net
open Dkim.Core.Words
open Dkim.Core.Dns

/// What one server of the zone says of a key.
[<NoComparison>]
type ServerAnswer =
    {
        /// The name of the server.
        Name: string
        Address: IPAddress
        Reply: DirectAnswer
    }

module internal ServerCheck =
    /// Names at which the zone of a key may begin, the longest first.
    let private cuts (test: KeyUnderTest) : string list =
        let labels = (test.Name.Split '.') |> List.ofArray

        // Not the name itself, which may be an alias; nor a domain of one label.
        [
            for skipped in 1 .. labels.Length - 2 -> String.Join('.', List.skip skipped labels)
        ]
        |> List.truncate DirectLimits.Cuts

    let private ofType (record: RecordType) (name: string) : Question = { Name = name; Type = record }

    /// What tells the zone of a key and its servers.
    let zoneQuestions (test: KeyUnderTest) : Question list =
        cuts test |> List.map (ofType RecordType.Ns)

    let private texts (answer: Answer) : string list =
        match answer.Outcome with
        | Records texts -> texts |> List.filter ((<>) "")
        | NoSuchName
        | Unavailable _ -> []

    /// The names of the servers of the zone.
    let servers (test: KeyUnderTest) (answerTo: Question -> Answer) : string list =
        cuts test
        |> List.tryPick (fun name ->
            match texts (answerTo (ofType RecordType.Ns name)) with
            | [] -> None
            | servers -> Some(servers |> List.sort |> List.truncate DirectLimits.Names))
        |> Option.defaultValue []

    /// What tells where servers are.
    let addressQuestions (servers: string list) : Question list =
        servers
        |> List.collect (fun name -> [ ofType RecordType.A name; ofType RecordType.Aaaa name ])

    /// Servers and where they are asked: by IPv4 where that can be.
    let addresses (servers: string list) (answerTo: Question -> Answer) : (string * IPAddress) list =
        let at record name =
            texts (answerTo (ofType record name))
            |> List.choose (fun text ->
                match IPAddress.TryParse text with
                | true, NonNull address -> Some(name, address)
                | _ -> None)

        servers
        |> List.collect (fun name ->
            match at RecordType.A name with
            | [] -> at RecordType.Aaaa name
            | found -> found)
        |> List.truncate DirectLimits.Servers

    /// The name of a server and its address.
    let called (server: ServerAnswer) : string =
        Printable.visible server.Name + " (" + string server.Address + ")"

    /// What a server has, so that others can be compared with it.
    let private content (server: ServerAnswer) : string =
        match server.Reply.Alias, server.Reply.Outcome with
        | ValueSome target, _ -> "an alias of " + Printable.visible target
        | ValueNone, NoSuchName -> "no such name"
        | ValueNone, Records [] -> "no TXT record"
        | ValueNone, Records texts -> texts |> List.sort |> String.concat "\n"
        | ValueNone, Unavailable reason -> "no answer: " + Printable.visible reason

    /// What a server has, in words.
    let describe (test: KeyUnderTest) (server: ServerAnswer) : string =
        let key =
            match server.Reply.Alias, server.Reply.Outcome with
            | ValueNone, Records(_ :: _) ->
                let told =
                    KeyDiagnosis.ofAnswer
                        test
                        {
                            Outcome = server.Reply.Outcome
                            Security = Security.Unchecked
                        }

                match told.Findings |> List.tryFind (fun found -> not found.IsAdvice) with
                | Some wrong -> "WRONG: " + wrong.Says
                | None -> "a good record"
            | _ -> content server

        let size =
            match server.Reply.Octets, server.Reply.NeededTcp with
            | 0, _ -> ""
            | octets, false -> ", " + string octets + " octets over UDP"
            | octets, true -> ", " + string octets + " octets, which need TCP"

        let lame =
            match server.Reply.Outcome with
            | Unavailable _ -> ""
            | NoSuchName
            | Records _ ->
                if server.Reply.IsAuthoritative then
                    ""
                else
                    ", not authoritative"

        key + size + lame

    let private isHeeded (server: ServerAnswer) : bool =
        server.Reply.IsAuthoritative
        && (match server.Reply.Outcome with
            | Unavailable _ -> false
            | NoSuchName
            | Records _ -> true)

    let private names (servers: ServerAnswer list) : string =
        servers |> List.map called |> String.concat ", "

    let private differing (servers: ServerAnswer list) : KeyFinding list =
        match servers |> List.filter isHeeded |> List.groupBy content with
        | []
        | [ _ ] -> []
        | groups ->
            let told =
                groups
                |> List.map (fun (content, servers) ->
                    names servers
                    + ": "
                    + (match servers.Head.Reply.Alias, servers.Head.Reply.Outcome with
                       | ValueNone, Records(_ :: _) -> "\"" + Printable.visibleExcerpt 60 content + "\""
                       | _ -> content))

            [
                KeyFinding.wrong
                    KeyMistake.ServersDiffer
                    ("the name servers do not say the same: "
                     + String.Join("; ", told)
                     + "; verifiers ask any of them")
                    "see that every server has loaded the newest zone: compare their serials, and their transfers"
            ]

    let private faults (server: ServerAnswer) : KeyFinding list =
        match server.Reply.Outcome, server.Reply.NeededTcp with
        | Unavailable reason, true ->
            [
                KeyFinding.wrong
                    KeyMistake.TcpFails
                    (called server
                     + " says that its answer does not fit a datagram, and does not give it by TCP either: "
                     + Printable.visible reason)
                    "let TCP at port 53 through to the server, or publish a shorter record"
            ]
        | Unavailable reason, false ->
            [
                KeyFinding.advice
                    KeyMistake.ServerFails
                    (called server + " gives no answer: " + Printable.visible reason)
                    "see that the server runs and can be reached, or take its NS record out of the zone"
            ]
        | _ when not server.Reply.IsAuthoritative ->
            [
                KeyFinding.advice
                    KeyMistake.ServerFails
                    (called server + " does not answer for the zone itself")
                    "let the server load the zone, or take its NS record out"
            ]
        | _, true ->
            [
                KeyFinding.advice
                    KeyMistake.NeedsTcp
                    ("the answer of "
                     + called server
                     + ", of "
                     + string server.Reply.Octets
                     + " octets, does not fit a datagram of "
                     + string ResolverLimits.DatagramOctets
                     + ": verifiers need TCP for it")
                    "publish fewer or shorter records under this name; a key of 2048 bits fits"
            ]
        | _ -> []

    let private stale (answer: Answer) (servers: ServerAnswer list) : KeyFinding list =
        let asServer =
            { servers.Head with
                Reply =
                    { servers.Head.Reply with
                        Outcome = answer.Outcome
                        Alias = ValueNone
                    }
            }

        match servers |> List.filter isHeeded |> List.map content |> List.distinct, answer.Outcome with
        | _, Unavailable _ -> []
        | [ all ], _ when servers |> List.forall _.Reply.Alias.IsNone && all <> content asServer ->
            [
                KeyFinding.advice
                    KeyMistake.StaleAnswer
                    "the name servers of the zone say something else than the resolver, which has an older answer in its cache"
                    "wait until its time to live is over; other resolvers may know the older answer as long"
            ]
        | _ -> []

    /// What is wrong with the servers. `answer` is what a resolver said.
    let findings (answer: Answer) (servers: ServerAnswer list) : KeyFinding list =
        match servers with
        | [] ->
            [
                KeyFinding.advice
                    KeyMistake.ServerFails
                    "no name server of the zone was found"
                    "see that the domain is delegated, and that its servers have addresses"
            ]
        | servers ->
            differing servers
            @ (servers
               |> List.collect faults
               |> List.distinctBy (fun found -> found.Mistake, found.Says))
            @ stale answer servers
