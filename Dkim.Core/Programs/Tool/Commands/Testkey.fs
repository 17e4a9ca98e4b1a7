/// `dkim testkey`: the published record of a key, compared with the private key.
module internal Dkim.Core.Programs.Tool.Commands.Testkey

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
        Findings: KeyFinding list
    }

    /// The key can be used.
    member this.IsGood = this.Findings |> List.forall _.IsAdvice

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

        let! findings =
            match answer.Outcome with
            | NoSuchName
            | Records [] ->
                command {
                    let! around = Keys.ask source (KeySearch.questions key)
                    return KeySearch.findings key (answer.Outcome <> NoSuchName) around
                }
            | Records _
            | Unavailable _ -> fun rest -> rest (KeyDiagnosis.ofAnswer key answer)

        return
            {
                Name = key.Name
                Answer = answer
                Findings = findings
            }
    }

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

let private verdict (key: KeyUnderTest) (tested: Tested) : string =
    match tested.IsGood, key.Private with
    | true, ValueSome _ -> "the record fits the private key"
    | true, ValueNone -> "the record can be used"
    | false, _ -> "verifiers cannot use the record as it is"

let private textOf (paint: Paint) (key: KeyUnderTest) (tested: Tested) : string =
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
    + (tested.Findings |> List.map (textOfFinding paint) |> String.concat "")
    + good

let private jsonOf (tested: Tested) : string =
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
            "findings", Json.List(tested.Findings |> List.map ofFinding)
        ]
    |> Json.render
    |> fun line -> line + "\n"

/// The exit code: a key that could not be looked up may be good.
let exitCode (tested: Tested) : int =
    match tested.Answer.Outcome with
    | Unavailable _ -> SysExit.Temporary
    | Records _
    | NoSuchName -> if tested.IsGood then ExitCode.Success else ExitCode.Bad

let private page (key: KeyUnderTest) (tested: Tested) (clock: int64<sec>) (file: string) : Command<unit> =
    command {
        let! footer = Output.footer (int64 clock)

        let record: ExplainedRecord =
            {
                Name = tested.Name
                Answer = tested.Answer
                Findings = tested.Findings
            }

        do!
            KeyPage.report record (verdict key tested) (security tested.Answer) ValueNone footer
            |> Output.write Program file
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

        match settings.Html with
        | ValueSome file ->
            do! page key tested clock file
            return exitCode tested
        | ValueNone when settings.Json ->
            do! print (jsonOf tested)
            return exitCode tested
        | ValueNone ->
            let! paint = Paint.choose settings
            do! print (textOf paint key tested)
            return exitCode tested
    }
