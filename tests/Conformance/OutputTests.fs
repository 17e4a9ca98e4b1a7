/// What our programs let through, before those who act on it: no reader sees a result in our name that we did not write, nor
/// a pass that we did not give.
module Dkim.Tests.Conformance.OutputTests

open System
open System.Collections.Generic
open Expecto
open Dkim.Tests
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Signatures
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Filters.Lists
open Dkim.Tests.FilterPassages
open Dkim.Tests.Conformance.ResultReaders

/// A program that judges mail, under the name that its results have.
type private Judge =
    {
        Name: string
        Host: string
        /// The method of its results. Those of others in the same name may be of another program on the same host.
        Method: string
        /// The header of a message as it goes on; nothing of one that is refused.
        Pass: string -> string
        /// The domain of its good mail.
        Domain: string
        /// Mail that passes, and the same altered.
        Good: string
        Altered: string
    }

let private headerOf (mail: string) =
    mail.Substring(0, mail.IndexOf("\r\n\r\n", StringComparison.Ordinal) + 2)

let private fieldsOf (header: string) : string list =
    [
        for field in (Header.ofBlock (ReadOnlyMemory(Octets.ofLatin1 header))).Fields -> Octets.latin1 field.Raw.Span
    ]

let private filter name method (run: Way -> string -> Ran) (good: string) way =
    {
        Name = name
        Host = "mx.example.net"
        Method = method
        Domain = "example.com"
        Pass =
            fun mail ->
                String.Join("\r\n", applied (run way mail).Changes (fieldsOf (headerOf mail)))
                + "\r\n"
        Good = good
        Altered = good.Replace("body", "b0dy")
    }

let private arriving record =
    { outside with
        Zone = [ text keyName record ]
    }

let private proxy () =
    let name = "sel._domainkey.example.org"
    let key, record = ProxyRuns.rsa2048.Value

    let signer =
        ProxyRuns.startOut [ "key", key ] [ "--keyfile=key"; "--selector=sel"; "--relay=h"; "--domain=example.org" ]
        |> Starts.serving

    let verifier =
        ProxyRuns.startIn [] [ "--relay=h"; "--result_words=rfc8601" ] |> Starts.serving

    let mail = crlf (plain.Replace("example.com", "example.org"))

    let through program mail =
        match ProxyRuns.pass [ name, ProxyRuns.Text record ] program mail with
        | ProxyRuns.Relayed(head, replaced), _, _ -> head + mail.Substring(int replaced)
        | ProxyRuns.Refused _, _, _ -> "\r\n\r\n"

    let good = through signer mail

    {
        Name = "dkimproxy.in"
        Host = "mx.example.org"
        Method = "dkim"
        Domain = "example.org"
        Pass = through verifier >> headerOf
        Good = good
        Altered = good.Replace("body", "b0dy")
    }

let private qmail () =
    let good = QmailRuns.dkim.Value

    {
        Name = "qmail-dk"
        Host = "mx.example.net"
        Method = "dkim"
        Domain = "example.org"
        Pass =
            fun mail ->
                let lines = mail.Replace("\r\n", "\n")

                match
                    QmailRuns.decide (QmailRuns.verifyingDkim "") [] [ QmailRuns.name, QmailRuns.record "" ] lines
                with
                | QmailRuns.Handed(head, rest) -> headerOf (crlf (head + rest))
                | QmailRuns.Refused _ -> ""
        Good = crlf good
        Altered = crlf (good.Replace("Hello", "Hallo"))
    }

// OpenDMARC heeds a result only with the domain.
let private telling =
    { policy with
        Reporting =
            { policy.Reporting with
                ResultDomain = true
            }
    }

let private judges =
    lazy
        [
            filter "dkim-filter" "dkim" (runWith telling) signed.Value (arriving (published rsa.Value))
            filter
                "dk-filter"
                "domainkeys"
                (dkRunWith dkPolicy)
                (String.Join("\r\n", List.rev (dkRunWith dkPolicy local plain).Inserted)
                 + "\r\n"
                 + crlf plain)
                (arriving ("k=rsa; p=" + Convert.ToBase64String rsa.Value.KeyData))
            proxy ()
            qmail ()
        ]

// Messages of each of four judges in one turn. OpenDMARC takes ever longer for the next one.
let private messages = 500

// DKIM_READ_MESSAGES asks for more than one turn, by the messages of all judges together.
let private turns =
    match Int32.TryParse(Environment.GetEnvironmentVariable "DKIM_READ_MESSAGES") with
    | true, count -> max 1 (count / (4 * messages))
    | _ -> 1

let private forged (random: Random) (spelled: string[]) (method: string) (domain: string) =
    let any (items: string[]) = items[random.Next items.Length]

    any
        [|
            "Authentication-Results"
            "authentication-results"
            "Authentication-Results "
        |]
    + ":"
    + any [| " "; ""; "\t"; "\r\n "; " (x) " |]
    + any spelled
    + any [| ";"; " 1;"; " ;"; "/1;" |]
    + any [| " "; ""; "\r\n\t"; " spf=pass; " |]
    + any [| method; method.ToUpperInvariant(); "dkim-adsp=pass; " + method |]
    + "=pass header.d="
    + domain
    + "\r\n"

let private isResult (field: string) =
    field.Substring(0, field.IndexOf ':').TrimEnd().Equals("Authentication-Results", StringComparison.OrdinalIgnoreCase)

/// What comes out of the messages with forged results of one turn: those of others, and the judge's own, each with whether
/// it is a pass.
let private output (judge: Judge) (turn: int) : Claim list * (Claim * bool) list =
    let random = Random(11 + turn)
    let spelled = Array.ofList (spellings judge.Host)
    let others, own = List<Claim>(), List<Claim * bool>()

    for number in 0 .. messages - 1 do
        let domain = "d" + string number + ".example"

        let claimed =
            List.init (random.Next(1, 4)) (fun _ -> forged random spelled judge.Method domain)

        let mail = if number % 2 = 0 then judge.Good else judge.Altered
        let passed = judge.Pass(String.Concat claimed + mail)

        for field in fieldsOf passed |> List.filter isResult do
            let value = field.Substring(field.IndexOf ':' + 1)

            if List.contains (field + "\r\n") claimed then
                others.Add
                    {
                        Value = value
                        Method = judge.Method
                        Domain = domain
                    }
            else
                own.Add(
                    {
                        Value = value
                        Method = judge.Method
                        Domain = judge.Domain
                    },
                    number % 2 = 0
                )

    List.ofSeq others, List.ofSeq own

let private check (turn: int) (reader: ResultReader) =
    for judge in
        judges.Value
        |> List.filter (fun judge -> List.contains judge.Method reader.Methods) do
        Expect.about judge.Name (fun () ->
            let others, own = output judge turn
            Expect.equal messages own.Length
            let believed = reader.Believes judge.Host (Array.ofList others)
            Expect.empty (List.zip others (List.ofArray believed) |> List.filter snd |> List.map fst)

            for isPass, claims in own |> List.groupBy snd do
                let believed = reader.Believes judge.Host (claims |> List.map fst |> Array.ofList)
                // Some are of odd forms that a reader does not know.
                Expect.equal isPass (Array.contains true believed))

// Each turn is a test, with the time that a test may take.
[<Tests>]
let tests =
    testList
        "OutputTests"
        [
            for turn in 0 .. turns - 1 do
                yield!
                    testReaders
                        "RFC8601-5-1"
                        ("sees in our name what we wrote, and passes that we gave, alone"
                         + (if turn = 0 then "" else ", turn " + string turn))
                        (check turn)
        ]
