/// The requirements of the standards as data, one for each line of ledger/requirements.tsv, and what was decided about
/// those that leave a choice.
module Dkim.Tests.Conformance.Ledger

open System.IO

/// How strong a requirement is: MUST, SHOULD, MAY, or plain text that decides (a grammar, a step of an algorithm).
[<Struct>]
type Level =
    | Must
    | Should
    | May
    | Plain

type Requirement =
    {
        /// `RFCnnnn-section-n`.
        Id: string
        Level: Level
        /// Whom it binds: S signer, V verifier, B both, K keys and their tools, A writer of results, R of reports,
        /// C reader of results, P proxy.
        Party: string
        /// The part of a document that it stands in.
        Part: string
        Statement: string
    }

/// What we do about a requirement that is a recommendation or a choice, and the setting that changes it, if any.
type Decision =
    {
        Id: string
        Text: string
        Setting: string
    }

let private folder = Path.Combine(__SOURCE_DIRECTORY__, "ledger")

/// The top of the repository.
let root = Path.GetFullPath(Path.Combine(__SOURCE_DIRECTORY__, "..", ".."))

let private rows (file: string) : string[] list =
    File.ReadAllLines(Path.Combine(folder, file))
    |> Array.map _.Split('\t')
    |> List.ofArray

let private levelOf (letter: string) =
    match letter with
    | "M" -> Must
    | "S" -> Should
    | "O" -> May
    | "D" -> Plain
    | _ -> invalidArg (nameof letter) ("no level: " + letter)

let letter (level: Level) =
    match level with
    | Must -> "M"
    | Should -> "S"
    | May -> "O"
    | Plain -> "D"

/// Whether nothing but a test will do.
let needsTest (requirement: Requirement) =
    requirement.Level = Must || requirement.Level = Plain

let private requirement (cells: string[]) : Requirement =
    match cells with
    | [| id; level; party; part; statement |] ->
        {
            Id = id
            Level = levelOf level
            Party = party
            Part = part
            Statement = statement
        }
    | _ -> invalidOp ("requirements.tsv: " + String.concat " " cells)

let private decision (cells: string[]) : Decision =
    match cells with
    | [| id; text; setting |] ->
        {
            Id = id
            Text = text
            Setting = setting
        }
    | _ -> invalidOp ("decisions.tsv: " + String.concat " " cells)

/// All requirements, in the order of their documents.
let requirements = rows "requirements.tsv" |> List.map requirement

let decisions = rows "decisions.tsv" |> List.map decision

/// Requirements of an optional protocol that is not offered, and why.
let inapplicable: Map<string, string> =
    rows "inapplicable.tsv"
    |> List.map (fun cells -> cells[0], cells[1])
    |> Map.ofList
