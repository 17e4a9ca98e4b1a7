/// Key and policy records from a file in place of the DNS, for tests and machines without a network: lines of
/// `NAME RECORD`. Empty lines and lines that begin with `#` are left out.
namespace Dkim.Core.Dns

open System
open System.Collections.Generic
open FParsec
open Dkim.Core.Words

/// The records of such a file. It never changes.
[<Sealed>]
type TestKeys internal (records: Dictionary<string, string list>, domains: HashSet<string>) =

    /// What it says of a name, which may be in any case. A name that is not there does not exist. A domain with records
    /// below it exists, and has an address and a mail server: the policy of a domain counts only where there are such
    /// (RFC 5617 §4.3), and the file has no place for them.
    member _.Find(question: Question) : Answer =
        let name = question.Name.TrimEnd '.'

        match question.Type, records.TryGetValue name with
        | RecordType.Txt, (true, texts) -> Answer.Found(texts, Security.Unchecked)
        | (RecordType.Mx | RecordType.A | RecordType.Aaaa), _ when domains.Contains name ->
            Answer.Found([ name ], Security.Unchecked)
        | _, (true, _) -> Answer.Found([], Security.Unchecked)
        | _, (false, _) -> Answer.NoSuchName Security.Unchecked

    /// Its names and records.
    member internal _.Entries: (string * string) list =
        [
            for entry in records do
                for record in entry.Value do
                    entry.Key, record
        ]

module TestKeys =
    /// The longest file that is read, in octets: all keys of a large installation.
    [<Literal>]
    let MaxLength = 67108864

    let private name: Grammar.Parser<string> =
        Grammar.many1Chars "a name" (fun c -> not (Grammar.isWspChar c))

    // As it is: FParsec's own runs of characters make a LF of each CR.
    let private record: Grammar.Parser<string> =
        fun stream -> Reply(stream.ReadCharsOrNewlines(Int32.MaxValue, false))

    /// `line = name 1*WSP record`
    let private line: Grammar.Parser<string * string> =
        name .>> skipMany1SatisfyL Grammar.isWspChar "a record" .>>. record

    let private isEntry (text: string) = text <> "" && text[0] <> '#'

    // The domains above a name.
    let rec private addAbove (domains: HashSet<string>) (name: string) =
        match name.IndexOf '.' with
        | -1 -> ()
        | dot ->
            let above = name.Substring(dot + 1)

            if domains.Add above then
                addAbove domains above

    /// Names and records, the first of a name first.
    let ofRecords (entries: (string * string) list) : TestKeys =
        let records = Dictionary<string, string list> StringComparer.OrdinalIgnoreCase
        let domains = HashSet<string> StringComparer.OrdinalIgnoreCase

        // Backwards, so that a later record of a name goes before those that stand in front of it.
        for name, record in List.rev entries do
            let name = name.TrimEnd '.'

            let others =
                match records.TryGetValue name with
                | true, texts -> texts
                | false, _ -> []

            records[name] <- record :: others
            addAbove domains name

        TestKeys(records, domains)

    /// Reads the text of such a file; the error is the number of a line that has a name and no record. `more` stand
    /// behind those of the file.
    let parseWith (more: TestKeys voption) (text: string) : Result<TestKeys, int> =
        let read =
            text.Split '\n'
            |> Array.map _.Trim()
            |> Array.indexed
            |> Array.filter (snd >> isEntry)
            |> List.ofArray
            |> Results.traverse (fun (index, entry) ->
                Grammar.parseAll line entry |> Result.mapError (fun _ -> index + 1))

        let others = more |> ValueOption.map _.Entries |> ValueOption.defaultValue []

        read |> Result.map (fun entries -> ofRecords (entries @ others))

    /// The same of a file alone.
    let parse (text: string) : Result<TestKeys, int> = parseWith ValueNone text
