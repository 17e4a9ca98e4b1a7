/// `dkim testkey`: the published record of a key, compared with the private key.
module internal Dkim.Core.Programs.Tool.Commands.Testkey

open System.Net
open Dkim.Core.Words
open Dkim.Core.Dns
open Dkim.Core.KeyCheck
open Dkim.Core.Programs.Running
open Dkim.Core.Programs.Tool.Running
open Dkim.Core.Programs.Tool.Running.Command
open Dkim.Core.Programs.Tool.Judging
open Dkim.Core.Programs.Tool.Pages
open Dkim.Core.Explaining

[<Literal>]
let private Program = "dkim testkey"

/// What became of a test.
type Tested =
    {
        Name: string
        Answer: Answer
        Diagnosis: Diagnosis
        /// What each name server of the zone says, where they were asked.
        Servers: ServerAnswer list voption
    }

    member this.Findings = this.Diagnosis.Findings

    /// The key can be used.
    member this.IsGood = this.Diagnosis.IsGood

/// Looks the key up and judges it; where there is none, looks around for it.
let test (source: Keys.KeySource) (key: KeyUnderTest) : Command<Tested> =
    command {
        let question =
            {
                Name = key.Name
                Type = RecordType.Txt
            }

        let! answers = Keys.ask source [ question ]
        let answer = answers question

        let! diagnosis =
            match answer.Outcome with
            | NoSuchName
            | Records [] ->
                command {
                    let! around = Keys.ask source (KeySearch.questions key)
                    return KeySearch.diagnosis key (answer.Outcome <> NoSuchName) around
                }
            | Records _
            | Unavailable _ -> fun rest -> rest (KeyDiagnosis.ofAnswer key answer)

        return
            {
                Name = key.Name
                Answer = answer
                Diagnosis = diagnosis
                Servers = ValueNone
            }
    }

/// Asks every name server of the zone, too.
let private withServers (resolver: ToolResolver) (key: KeyUnderTest) (tested: Tested) : Command<Tested> =
    let question (address: IPAddress) : DirectQuestion =
        {
            Server = IPEndPoint(address, ResolverLimits.Port)
            Question =
                {
                    Name = key.Name
                    Type = RecordType.Txt
                }
        }

    command {
        let! zoneAnswers = lookUp resolver (ServerCheck.zoneQuestions key)
        let names = ServerCheck.servers key zoneAnswers
        let! addressAnswers = lookUp resolver (ServerCheck.addressQuestions names)
        let servers = ServerCheck.addresses names addressAnswers
        let! replyTo = askDirectly resolver (servers |> List.map (snd >> question))

        let answers =
            servers
            |> List.map (fun (name, address) ->
                {
                    Name = name
                    Address = address
                    Reply = replyTo (question address)
                })

        let found = ServerCheck.findings tested.Answer answers

        return
            { tested with
                Servers = ValueSome answers
                Diagnosis =
                    { tested.Diagnosis with
                        Findings = tested.Diagnosis.Findings @ found
                    }
            }
    }

/// Each server that was asked, and what it has.
let private serverLines (key: KeyUnderTest) (tested: Tested) : (string * string) list =
    tested.Servers
    |> ValueOption.defaultValue []
    |> List.map (fun server -> ServerCheck.called server, ServerCheck.describe key server)

let private jsonOfServer (key: KeyUnderTest) (server: ServerAnswer) : Json =
    Json.Object
        [
            "server", Json.Text server.Name
            "address", Json.Text(string server.Address)
            "says", Json.Text(ServerCheck.describe key server)
            "authoritative", Json.Bool server.Reply.IsAuthoritative
            "alias", Json.optional Json.Text server.Reply.Alias
            "records",
            (match server.Reply.Outcome with
             | Records texts -> Json.List(texts |> List.map Json.Text)
             | NoSuchName
             | Unavailable _ -> Json.Null)
            "octets", Json.Number(int64 server.Reply.Octets)
            "tcp", Json.Bool server.Reply.NeededTcp
        ]

let private records (tested: Tested) : string list =
    match tested.Answer.Outcome with
    | Records texts -> texts
    | NoSuchName
    | Unavailable _ -> []

let private security (answer: Answer) : string =
    match answer.Security with
    | Security.Secure -> "secured by DNSSEC"
    | Security.Insecure -> "not secured by DNSSEC"
    | Security.Bogus -> "DNSSEC validation failed"
    | _ -> "not checked with DNSSEC"

let private textOfFinding (paint: Paint) (found: KeyFinding) : string =
    "  "
    + (if found.IsAdvice then
           paint.Note "advice"
       else
           paint.Bad "WRONG")
    + ": "
    + found.Says
    + "\n"
    + paint.Wrapped("         ", found.Remedy)

/// Whether it is no fault of the record, but of those who have it.
let private ofServers (mistake: KeyMistake) : bool =
    mistake = KeyMistake.ServersDiffer || mistake = KeyMistake.TcpFails

let private verdict (key: KeyUnderTest) (tested: Tested) : string =
    match tested.IsGood, key.Private with
    | true, ValueSome _ -> "the record fits the private key"
    | true, ValueNone -> "the record can be used"
    | false, _ when
        tested.Findings
        |> List.forall (fun found -> found.IsAdvice || ofServers found.Mistake)
        ->
        "not every verifier gets the record"
    | false, _ -> "verifiers cannot use the record as it is"

/// The record to publish, in the form of a zone file unless another was asked for.
let private remedyOf (form: RecordForm) (tested: Tested) : string voption =
    let form =
        match form with
        | RecordForm.All -> RecordForm.Zone
        | form -> form

    tested.Diagnosis.Publish
    |> ValueOption.map (RecordForms.ofPublish form tested.Name)

let private textOf (paint: Paint) (key: KeyUnderTest) (form: RecordForm) (tested: Tested) : string =
    let shown =
        records tested
        |> List.map (fun text -> "  \"" + Printable.visibleExcerpt 500 text + "\"\n")
        |> String.concat ""

    let good =
        if tested.IsGood then
            "  " + paint.Good "good" + ": " + verdict key tested + "\n"
        else
            ""

    tested.Name
    + " ("
    + security tested.Answer
    + ")\n"
    + shown
    + (serverLines key tested
       |> List.map (fun (server, says) -> "  at " + server + ": " + says + "\n")
       |> String.concat "")
    + (tested.Findings |> List.map (textOfFinding paint) |> String.concat "")
    + good
    + (match remedyOf form tested with
       | ValueSome lines -> "\nPublish this in its place:\n\n" + lines
       | ValueNone -> "")

let private jsonOf (key: KeyUnderTest) (tested: Tested) : string =
    let ofFinding (found: KeyFinding) =
        Json.Object
            [
                "mistake", Json.Text(KeyMistake.name found.Mistake)
                "advice", Json.Bool found.IsAdvice
                "says", Json.Text found.Says
                "remedy", Json.Text found.Remedy
            ]

    Json.ofCommand
        [
            "name", Json.Text tested.Name
            "good", Json.Bool tested.IsGood
            "dnssec", Json.Text(security tested.Answer)
            "records", Json.List(records tested |> List.map Json.Text)
            "servers", Json.optional (List.map (jsonOfServer key) >> Json.List) tested.Servers
            "findings", Json.List(tested.Findings |> List.map ofFinding)
            "publish", Json.optional (RecordForms.jsonOfPublish tested.Name) tested.Diagnosis.Publish
        ]
    |> Json.render
    |> fun line -> line + "\n"

/// The exit code: a key that could not be looked up may be good.
let exitCode (tested: Tested) : int =
    match tested.Answer.Outcome with
    | Unavailable _ -> SysExit.Temporary
    | Records _
    | NoSuchName -> if tested.IsGood then ExitCode.Success else ExitCode.Bad

let private page
    (key: KeyUnderTest)
    (form: RecordForm)
    (tested: Tested)
    (clock: int64<sec>)
    (file: string)
    : Command<unit> =
    command {
        let! footer = Output.footer (int64 clock)

        let report: KeyPage.KeyReport =
            {
                Record =
                    {
                        Name = tested.Name
                        Answer = tested.Answer
                        Diagnosis = tested.Diagnosis
                    }
                Verdict = verdict key tested
                Security = security tested.Answer
                Servers = serverLines key tested
                Publish = remedyOf form tested
            }

        do! KeyPage.report report footer |> Output.write Program file
    }

let run (settings: ToolSettings) (clock: int64<sec>) (operands: string list) : Command<int> =
    let needs name value =
        PrivateKeys.required Program name ("write --" + name + "=...") value

    let problem (text: string) = Program + ": " + text

    command {
        let! selector = needs "selector" settings.Selector
        let! domain = needs "domain" settings.Domain
        do! PrivateKeys.noOperands Program operands
        let! source = Keys.keySource settings

        let! privateKey =
            match settings.KeyFile with
            | ValueNone -> fun rest -> rest ValueNone
            | ValueSome path ->
                command {
                    let! key = PrivateKeys.load settings.PassphraseFile path

                    let! key =
                        key |> orFail SysExit.NoInput (fun reason -> problem (path + ": " + reason))

                    return ValueSome key
                }

        let key =
            {
                Selector = selector
                Domain = domain
                Private = privateKey
                LeastRsaBits = settings.MinimumRsaBits
            }

        let! tested = test source key

        let! tested =
            match settings.Authoritative, source with
            | false, _ -> fun rest -> rest tested
            | true, Keys.FromDns resolver -> withServers resolver key tested
            | true, Keys.FromFile _ ->
                fail
                    SysExit.Usage
                    (problem
                        "--authoritative asks name servers, and --zone and --test-keys stand for them: leave one out")

        match settings.Html with
        | ValueSome file ->
            do! page key settings.Form tested clock file
            return exitCode tested
        | ValueNone when settings.Json ->
            do! print (jsonOf key tested)
            return exitCode tested
        | ValueNone ->
            let! paint = Paint.choose settings
            do! print (textOf paint key settings.Form tested)
            return exitCode tested
    }
