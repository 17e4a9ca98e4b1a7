/// Our grammars against the ABNF of the RFCs: every sentence that the rules make, and what is left of it after small
/// damage, is read by the product exactly as the rules read it.
module Dkim.Tests.Conformance.OracleTests

open System
open System.IO
open Expecto
open Dkim.Tests
open Dkim.Tests.Conformance.Abnf
open Dkim.Tests.Conformance.Oracle

let private comparisons =
    [
        TagLists.list
        TagLists.base64Value
        TagLists.quotedPrintable
        Signatures.signature
        Signatures.domainKeys
        Records.key
        Records.policy
        Records.adsp
        Records.report
        yield! MailWords.all
    ]

let private named name =
    comparisons |> List.find (fun comparison -> comparison.Name = name)

let private seed =
    match Environment.GetEnvironmentVariable "DKIM_ORACLE_SEED" with
    | null
    | "" -> 20101
    | text -> int text

/// Sentences of each comparison, each followed by near misses.
let private sentenceCount =
    match Environment.GetEnvironmentVariable "DKIM_ORACLE_SENTENCES" with
    | null
    | "" -> 600
    | text -> int text

[<Literal>]
let private NearMisses = 3

let private showReading (reading: Reading) =
    reading
    |> List.map (fun (name, value) -> (if name = "" then "" else name + "=") + Shrinking.show value)
    |> String.concat " | "

let private agree (comparison: Comparison) (recognizer: Recognizer) (text: string) =
    match comparison.Allowed recognizer text, comparison.Product text with
    | [], ValueNone -> true
    | [], ValueSome _ -> false
    | allowed, ValueSome reading -> List.contains reading allowed
    | _, ValueNone -> false

let private complain (comparison: Comparison) (recognizer: Recognizer) (text: string) =
    let differs text =
        MailWords.fits comparison text && not (agree comparison recognizer text)

    let least = Shrinking.shrink differs text

    let told =
        [
            comparison.Name + ": " + Shrinking.show least
            "  rules:   "
            + String.Join(" OR ", comparison.Allowed recognizer least |> List.map showReading)
            "  product: "
            + (match comparison.Product least with
               | ValueSome reading -> showReading reading
               | ValueNone -> "refused")
        ]

    String.Join("\n", told)

let private names = comparisons |> List.map _.Name

let private examples =
    Differences.all |> List.map (fun difference -> difference.Rule, [], difference)

let private table () =
    let cell (text: string) = text.Replace("|", "\\|")

    let code (text: string) =
        text.Split '\n'
        |> Array.map (fun line -> "`` " + cell line + " ``")
        |> String.concat "<br>"

    let rows =
        Differences.all
        |> List.map (fun difference ->
            let name, text = difference.Example

            "| "
            + cell difference.Rule
            + " | "
            + code difference.Ours
            + " | "
            + cell difference.Reason
            + " | "
            + name
            + ": "
            + code (Shrinking.show text)
            + " |")

    let limits =
        Differences.limits
        |> List.map (fun (what, limit) -> "| " + what + " | " + limit + " |")

    String.Join(
        "\n",
        [
            "# Where our grammars differ from the RFCs'"
            ""
            "Every grammar of the product is compared with the ABNF of its RFC (`tests/Conformance/abnf/`): sentences that the rules"
            "make, and the same with small damage, are read by both, and must be read alike, named part for named part. These"
            "are the differences that are meant; each replaces the rule in the comparison, so there are no others. A test holds"
            "each example to be judged differently by the RFC and by us, and this page to be the table of the test;"
            "`tools/update` writes it anew."
            ""
            "| rule of the RFC | ours | why | example |"
            "|---|---|---|---|"
            yield! rows
            ""
            "What no rule can say, because it counts:"
            ""
            "| what | limit |"
            "|---|---|"
            yield! limits
            ""
            "Texts in quotation marks are matched without regard to case by ABNF, but tag values are compared with their case"
            "(RFC 6376 §3.2): `a=RSA-SHA256` is an algorithm that is not known. U-labels are for the IDNA mapping of the platform"
            "to judge, in the comparison as in the product. What an error in a rule means for the whole, such as a tag that occurs"
            "twice or an `x=` that is not later than `t=`, is written beside the rules in `tests/Conformance/Oracle/`."
            ""
        ]
    )

[<Tests>]
let tests =
    testList
        "OracleTests"
        [
            proves
                [
                    "RFC6376-2.8-1"
                    "RFC6376-2.10-1"
                    "RFC6376-2.11-1"
                    "RFC6376-2.11-3"
                    "RFC6376-3.1-1"
                    "RFC6376-3.2-1"
                    "RFC6376-3.2-10"
                    "RFC6376-6.1.1-1"
                    "RFC6376-6.1.2-1"
                ]
                (testRows "sentences and near misses are read as the rules read them" names (fun (name: string) ->
                    let comparison = named name
                    let rfc = Grammars.sentences (Grammars.ofRfc comparison.Files)
                    let ours = Grammars.ours comparison.Files
                    let sentences = Grammars.sentences ours
                    let recognizer = Grammars.recognizer ours
                    let random = Random(seed)
                    let mutable read = 0
                    let mutable refused = 0
                    let different = Collections.Generic.HashSet<string>()

                    let compare text =
                        if MailWords.fits comparison text && different.Count < 8 then
                            if not (agree comparison recognizer text) then
                                different.Add(complain comparison recognizer text) |> ignore
                            elif (comparison.Product text).IsSome then
                                read <- read + 1
                            else
                                refused <- refused + 1

                    for round in 1..sentenceCount do
                        let sentence = comparison.Make (if round % 2 = 0 then rfc else sentences) random
                        compare sentence

                        for _ in 1..NearMisses do
                            let once = Mutation.once random sentence

                            compare (
                                if random.Next 3 = 0 then
                                    Mutation.once random once
                                else
                                    once
                            )

                    Console.Out.WriteLine(name + ": " + string read + " read, " + string refused + " refused")

                    if different.Count > 0 then
                        failtest ("seed " + string seed + "\n" + String.Join("\n", different))

                    // A comparison that only refuses, or only reads, compares nothing.
                    Expect.above (sentenceCount / 3) read
                    Expect.above (sentenceCount / 20) refused))

            // Each was read wrongly once, and found by these comparisons.
            proves
                [ "RFC6376-2.8-1" ]
                (testRows
                    "a text that was read wrongly once is read as the rules read it"
                    [
                        ("tag list", "a=b\r\n \r\n c")
                        ("tag list", "a=\r\n \r\n ; b=c")
                        ("tag list", "a=b\r\n \r\n ")
                        ("key record", "p=AAAA; t=y\r\n \r\n :s")
                        ("quoted string", "\"a\r\n b\"")
                        ("addresses", "\"a\r\n b\"@a.b")
                        ("addresses", "a@[1\r\n .2]")
                        ("addresses", "A. Group: a@b, c@d;")
                        ("addresses", "<,@a (b) .c,@d: e@f>")
                        ("Authentication-Results", "a; spf=pass smtp.mailfrom=\"b\"@")
                        ("Authentication-Results", "a; dkim=pass reason=\"b\r\n c\"")
                    ]
                    (fun (name: string, text: string) ->
                        let comparison = named name
                        let recognizer = Grammars.recognizer (Grammars.ours comparison.Files)

                        if not (agree comparison recognizer text) then
                            failtest (complain comparison recognizer text)))

            testRows "the sentences take every alternative of every rule" names (fun (name: string) ->
                let comparison = named name
                let rules = Grammars.ofRfc comparison.Files
                let sentences = Grammars.sentences rules
                let random = Random seed

                for _ in 1..6000 do
                    comparison.Make sentences random |> ignore

                let untaken =
                    comparison.Starts
                    |> List.map (fun start -> Rules.reachable start rules)
                    |> Set.unionMany
                    |> Set.toList
                    |> List.collect (fun rule ->
                        sentences.Untaken rule |> List.map (fun place -> rule + " " + string place))

                Expect.empty untaken)

            testNamed "a deliberate difference is one" examples (fun (difference: Differences.Difference) ->
                let name, text = difference.Example
                let comparison = named name
                let rules = Grammars.ofRfc comparison.Files
                let recognizer = Grammars.recognizer rules
                let rfc = comparison.Allowed recognizer text
                let product = comparison.Product text

                // Under the rules of the RFC it is no agreement; with this row alone taken back ours would not agree either.
                Expect.isFalse
                    (agree comparison recognizer text)
                    ("the RFC's rules say the same: "
                     + showReading (List.tryHead rfc |> Option.defaultValue []))

                let without =
                    Differences.all
                    |> List.filter (fun other -> other <> difference && List.contains other.File comparison.Files)
                    |> List.fold (fun rules other -> Rules.replace other.Ours rules) rules

                Expect.isFalse (agree comparison (Grammars.recognizer without) text) "another row explains it"

                Expect.isTrue
                    (agree comparison (Grammars.recognizer (Grammars.ours comparison.Files)) text)
                    (string product))

            testCase "every rule is defined once, used, and reached by a comparison" (fun () ->
                for comparison in comparisons do
                    Expect.about comparison.Name (fun () ->
                        Expect.empty (Rules.undefined (Grammars.ofRfc comparison.Files)))

                    Expect.about comparison.Name (fun () ->
                        Expect.empty (Rules.undefined (Grammars.ours comparison.Files)))

                let reached =
                    comparisons
                    |> List.collect (fun comparison ->
                        let rules = Grammars.ofRfc comparison.Files
                        comparison.Starts |> List.map (fun start -> Rules.reachable start rules))
                    |> Set.unionMany

                let idle =
                    comparisons
                    |> List.collect _.Files
                    |> List.distinct
                    |> List.filter ((<>) "core")
                    |> List.collect (fun file -> Rules.load [ "core"; file ] |> Map.toList |> List.map fst)
                    |> List.except (Rules.load [ "core" ] |> Map.toList |> List.map fst)
                    |> List.filter (fun rule -> not (Set.contains rule reached))

                Expect.empty idle)

            testCase "the table of differences is the documented one" (fun () ->
                Made.check (Path.Combine(Ledger.root, "docs", "grammar-differences.md")) (table ()))
        ]
