/// The known kinds of disagreement, `classes.tsv`, as data. A disagreement belongs to the first class whose
/// implementation, outcomes and conditions fit; one that fits none is news.
module Dkim.Tests.Messages.Differential.Classes

open System
open System.IO
open System.Text
open System.Text.RegularExpressions
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Canonicalization
open Dkim.Core.Programs.Settings
open Dkim.Tests.Corpus
open Dkim.Tests.Messages.Differential.Recipe
open Dkim.Tests.Messages.Differential.Judges

type Class =
    {
        Id: string
        Peers: string list
        Ours: Outcome
        Theirs: Outcome
        /// All of them must hold: the name of a predicate and the pattern that it is given.
        Conditions: (string * Regex) list
        /// What decides: RFC and section.
        Source: string
        Why: string
    }

let path = Path.Combine(folder, "Differential", "classes.tsv")

/// What predicates look at.
type private Facts =
    {
        Header: Header
        Signature: string
        Body: string
        Hearing: Hearing
        Opinion: Opinion
    }

let private isSignature (field: Field) =
    field.Is "DKIM-Signature" || field.Is "DomainKey-Signature"

let private facts (hearing: Hearing) (opinion: Opinion) : Facts =
    let octets = hearing.Sample.Octets
    let text = Encoding.Latin1.GetString octets

    let headerEnd =
        if text.StartsWith("\r\n", StringComparison.Ordinal) then
            -2
        else
            text.IndexOf("\r\n\r\n", StringComparison.Ordinal)

    let bodyAt = if headerEnd = -1 then text.Length else headerEnd + 4

    let header =
        Header.ofBlock (ReadOnlyMemory(octets, 0, max 0 (if headerEnd = -1 then text.Length else headerEnd)))

    {
        Header = header
        Signature =
            header.Fields
            |> Seq.tryFind isSignature
            |> Option.map (fun field -> field.ValueText)
            |> Option.defaultValue ""
        Body = text.Substring bodyAt
        Hearing = hearing
        Opinion = opinion
    }

/// The tags that a signature has to a reader that asks for no grammar: name and value, white space around them gone.
let private tagText (signature: string) : string =
    signature.Split ';'
    |> Array.map (fun tag ->
        match tag.IndexOf '=' with
        | -1 -> tag.Trim()
        | at -> tag.Substring(0, at).Trim() + "=" + tag.Substring(at + 1).Trim())
    |> String.concat "\n"

let private predicates: Map<string, Facts -> string> =
    Map
        [
            "we-say", (fun facts -> facts.Hearing.OurReason)
            "they-say", (fun facts -> facts.Opinion.Reason)
            "signature", (fun facts -> facts.Signature)
            "tags", (fun facts -> tagText facts.Signature)
            "record", (fun facts -> String.concat "\n" facts.Hearing.Sample.Recipe.Records)
            "records", (fun facts -> string facts.Hearing.Sample.Recipe.Records.Length)
            "header",
            (fun facts ->
                facts.Header.Fields
                |> Seq.map (fun field -> Octets.latin1 field.Raw.Span + "\r\n")
                |> String.concat "")
            "body", _.Body
            "from-fields", (fun facts -> string (Header.all "From" facts.Header).Length)
            "scheme",
            (fun facts ->
                if facts.Hearing.Sample.Recipe.Scheme = Dkim then
                    "dkim"
                else
                    "domainkeys")
        ]

let private outcome (text: string) : Outcome =
    [ Passes; Refused; Later; Crashed ]
    |> List.find (fun one -> Outcome.name one = text)

/// `name /pattern/`, several joined by ` & `; `(?s)` and so on as .NET writes them.
let private conditions (text: string) : (string * Regex) list =
    text.Split " & "
    |> List.ofArray
    |> List.map (fun one ->
        let at = one.IndexOf " /"
        let name = one.Substring(0, at)

        if not (predicates.ContainsKey name) then
            invalidOp ("no such predicate: " + name)

        name, Regex(one.Substring(at + 2).TrimEnd '/', RegexOptions.CultureInvariant))

/// The table, in its order.
let all: Lazy<Class list> =
    lazy
        (File.ReadAllLines path
         |> List.ofArray
         |> List.skip 1
         |> List.map (fun line ->
             match line.Split '\t' with
             | [| id; peers; ours; theirs; condition; source; why |] ->
                 {
                     Id = id
                     Peers = List.ofArray (peers.Split ", ")
                     Ours = outcome ours
                     Theirs = outcome theirs
                     Conditions = conditions condition
                     Source = source
                     Why = why
                 }
             | cells -> invalidOp ("classes.tsv: " + string cells.Length + " cells: " + line)))

/// The class of one opinion that differs from ours, if it is known.
let tryFind (hearing: Hearing) (opinion: Opinion) : Class voption =
    let facts = facts hearing opinion

    all.Value
    |> List.tryFind (fun one ->
        one.Ours = hearing.Ours
        && one.Theirs = opinion.Outcome
        && List.contains opinion.Peer one.Peers
        && one.Conditions
           |> List.forall (fun (name, pattern) -> pattern.IsMatch(predicates[name] facts)))
    |> function
        | Some known -> ValueSome known
        | None -> ValueNone
