/// All four verifiers over one message, with the same key records and clock.
module Dkim.Tests.Messages.Differential.Judges

open System
open System.Text
open System.Threading.Tasks
open Dkim.Core.Words
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Signatures
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Qmail
open Dkim.Tests.Corpus
open Dkim.Tests.Judging
open Dkim.Tests.Peers
open Dkim.Tests.Messages.Differential.Recipe

/// What matters of a word: whether the signature passes, does not, or may do so later.
type Outcome =
    | Passes
    | Refused
    | Later
    /// The program ended or never answered.
    | Crashed

module Outcome =
    let name (outcome: Outcome) =
        match outcome with
        | Passes -> "pass"
        | Refused -> "not pass"
        | Later -> "temperror"
        | Crashed -> "crash"

/// One other implementation and what it said.
type Opinion =
    {
        Peer: string
        Outcome: Outcome
        Reason: string
    }

/// What became of one message: our outcome with its reason, and those of the others that could say something.
type Hearing =
    {
        Sample: Sample
        Ours: Outcome
        OurReason: string
        Others: Opinion list
    }

    /// The opinions that differ from ours.
    member this.Differing =
        this.Others |> List.filter (fun one -> one.Outcome <> this.Ours)

let private caseOf (recipe: Recipe) : Case =
    let name = keyName recipe

    {
        Id = ""
        File = ""
        Append = []
        Now = recipe.Now
        Zone =
            if recipe.Records.IsEmpty || recipe.Failing then
                Map.empty
            else
                Map [ name, recipe.Records ]
        Failing =
            if recipe.Failing then
                Map [ name, "timeout" ]
            else
                Map.empty
        Disputed = false
        Unsigned = false
        Signatures = []
        Proves = []
    }

let private ofVerdict (verdict: Verdict) : Outcome =
    match verdict with
    | Verdict.Pass -> Passes
    | PermFail _ -> Refused
    | TempFail _ -> Later

let private opinion (scheme: Scheme) (peer: string) (answer: Result<Word list, string>) : Opinion =
    let outcome, reason =
        match answer with
        | Error("hangs" | "dies" as end') -> Crashed, end'
        | Error told -> Refused, told
        | Ok words ->
            match words |> List.tryFind (fun word -> word.Kind = scheme && word.Index = 0) with
            | None -> Refused, "no word"
            | Some word when word.Text = "pass" -> Passes, word.Reason
            | Some word when word.Text = "temperror" -> Later, word.Reason
            | Some word -> Refused, word.Text + " " + word.Reason

    {
        Peer = peer
        Outcome = outcome
        Reason = reason
    }

/// What an implementation never claimed to do is not asked of it.
let private isCapable (sample: Sample) (peer: string) =
    match sample.Recipe.Scheme, peer with
    | DomainKeys, other -> other = "Mail::DKIM"
    | Dkim, "Mail::DKIM" ->
        sample.Recipe.KeyFile <> "ed25519"
        && not ((Encoding.Latin1.GetString sample.Octets).Contains "ed25519")
    | Dkim, _ -> true

/// Puts a message before all verifiers. RFC 8301 is off: none of the others knows it.
let hear (others: Others) (sample: Sample) : Hearing =
    let case = caseOf sample.Recipe

    let asked =
        others.Present
        |> List.filter (isCapable sample)
        |> List.map (fun peer ->
            Task.Run(fun () -> opinion sample.Recipe.Scheme peer (others.Ask peer case sample.Octets)))

    let ours =
        judge legacy (max 1 sample.Octets.Length) case sample.Octets
        |> tryNth sample.Recipe.Scheme 0

    {
        Sample = sample
        Ours =
            ours
            |> Option.map (fun one -> ofVerdict one.Verdict)
            |> Option.defaultValue Refused
        OurReason =
            ours
            |> Option.map (fun one -> Verdict.describe one.Verdict)
            |> Option.defaultValue "no signature"
        Others = asked |> List.map _.Result
    }
