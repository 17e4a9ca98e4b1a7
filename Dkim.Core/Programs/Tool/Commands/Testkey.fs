/// `dkim testkey`: the published record of a key, compared with the private key.
module internal Dkim.Core.Programs.Tool.Commands.Testkey

open Dkim.Core.Words
open Dkim.Core.Dns
open Dkim.Core.KeyCheck
open Dkim.Core.Programs.Running
open Dkim.Core.Programs.Tool.Running
open Dkim.Core.Programs.Tool.Running.Command
open Dkim.Core.Programs.Tool.Judging

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

let private textOfFinding (found: KeyFinding) : string =
    (if found.IsAdvice then "  advice: " else "  WRONG: ")
    + found.Says
    + "\n         "
    + found.Remedy
    + "\n"

let private textOf (key: KeyUnderTest) (tested: Tested) : string =
    let shown =
        records tested
        |> List.map (fun text -> "  \"" + Printable.visibleExcerpt 500 text + "\"\n")
        |> String.concat ""

    let verdict =
        match tested.IsGood, key.Private with
        | true, ValueSome _ -> "  good: the record fits the private key\n"
        | true, ValueNone -> "  good: the record can be used\n"
        | false, _ -> ""

    tested.Name
    + " ("
    + security tested.Answer
    + ")\n"
    + shown
    + (tested.Findings |> List.map textOfFinding |> String.concat "")
    + verdict

let private jsonOf (tested: Tested) : string =
    let ofFinding (found: KeyFinding) =
        Json.Object
            [
                "mistake", Json.Text(KeyMistake.name found.Mistake)
                "advice", Json.Bool found.IsAdvice
                "says", Json.Text found.Says
                "remedy", Json.Text found.Remedy
            ]

    Json.Object
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

let run (settings: ToolSettings) (operands: string list) : Command<int> =
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
        do! print (if settings.Json then jsonOf tested else textOf key tested)
        return exitCode tested
    }
