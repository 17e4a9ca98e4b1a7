/// What an MTA will change in header fields after the filter has signed them (opendkim.conf(5) ReplaceRules): the fields
/// are signed as they will be, and left as they are.
namespace Dkim.Core.Programs.Filters.Lists

open System
open System.IO
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Asking
open Dkim.Core.Tables.Patterns
open Dkim.Core.Programs.Settings

/// Every match of an expression becomes a text, which is taken as it is.
[<NoComparison; NoEquality>]
type internal ReplaceRule =
    {
        Expression: BasicExpression
        Text: byte[]
    }

[<NoComparison; NoEquality>]
type internal ReplaceRules =
    {
        /// In the order in which they are applied.
        Rules: ReplaceRule list
        /// The fields that are changed, in lower case; nothing for all.
        Names: Set<string> voption
    }

module internal ReplaceRules =
    /// More rules are refused.
    [<Literal>]
    let MostRules = 200

    /// States of expressions that are followed for one message; some hundredths of a second.
    [<Literal>]
    let private Effort = 20000000L

    /// The longest value that a field may get, in octets.
    [<Literal>]
    let private LongestValue = 1048576

    let private rule (line: string) : Result<ReplaceRule, string> =
        match line.LastIndexOf '\t' with
        | -1 -> Error "no tab between expression and text"
        | tab ->
            BasicExpression.parse (line.Substring(0, tab))
            |> Result.bind (fun expression ->
                if expression.MatchesNothing then
                    Error "it matches the empty text"
                else
                    Ok
                        {
                            Expression = expression
                            Text = Octets.ofLatin1 (line.Substring(tab + 1))
                        })

    let private withoutComment (line: string) =
        match line.IndexOf '#' with
        | -1 -> line
        | at -> line.Substring(0, at)

    let private remedy =
        "write a basic regular expression, a tab, and the text that takes its place"

    /// The rules of a file, of which the last line is applied first, as the original does, and the lines that are none.
    let read (path: string) (text: string) : struct (ReplaceRule list * Problem list) =
        let problem line (text: string) reason =
            {
                Origin = InFile(path, line)
                Name = ""
                Value = ValueSome(text.Trim())
                Fault = IllegalValue reason
                Remedy = remedy
            }

        let rules, problems =
            FileContents.lines text
            |> Array.indexed
            |> Array.map (fun (index, line) -> index + 1, withoutComment line)
            |> Array.filter (fun (_, line) -> not (String.IsNullOrWhiteSpace line))
            |> Array.fold
                (fun (rules, problems) (number, line) ->
                    match rule line with
                    | Ok rule when List.length rules < MostRules -> rule :: rules, problems
                    | Ok _ -> rules, problem number line ("more than " + string MostRules + " rules") :: problems
                    | Error reason -> rules, problem number line reason :: problems)
                ([], [])

        struct (rules, List.rev problems)

    /// A value with every match replaced; nothing where that takes more effort than there is, or too much room.
    let private replaced (rule: ReplaceRule) (value: byte[]) (effort: byref<int64>) : byte[] voption =
        let mutable found = rule.Expression.Find(value, 0, &effort)

        if found.IsNone then
            if effort > 0L then ValueSome value else ValueNone
        else
            use made = new MemoryStream()
            let mutable kept = 0

            while found.IsSome && made.Length <= int64 LongestValue do
                let struct (start, finish) = found.Value
                made.Write(value, kept, start - kept)
                made.Write rule.Text
                kept <- finish
                found <- rule.Expression.Find(value, finish, &effort)

            made.Write(value, kept, value.Length - kept)

            if effort > 0L && made.Length <= int64 LongestValue then
                ValueSome(made.ToArray())
            else
                ValueNone

    let private changed (rules: ReplaceRule list) (field: Field) (effort: byref<int64>) : Field voption =
        let mutable value = ValueSome(field.Value.ToArray())

        for rule in rules do
            match value with
            | ValueSome before -> value <- replaced rule before &effort
            | ValueNone -> ()

        match value with
        | ValueSome value when value.AsSpan().SequenceEqual field.Value -> ValueSome field
        | ValueSome value ->
            ValueSome(
                Field.ofOctets (ReadOnlyMemory(Array.append (field.Raw.Slice(0, int field.Colon + 1).ToArray()) value))
            )
        | ValueNone -> ValueNone

    /// The header as it will be; nothing where the rules take too long with this one.
    let apply (rules: ReplaceRules) (header: Header) : Header voption =
        if rules.Rules.IsEmpty then
            ValueSome header
        else
            let mutable effort = Effort
            let fields = Array.ofSeq header.Fields
            let mutable isWhole = true

            for index in 0 .. fields.Length - 1 do
                let field = fields[index]

                let isChanged =
                    field.Name <> ""
                    && (rules.Names
                        |> ValueOption.forall (fun names -> names.Contains(field.Name.ToLowerInvariant())))

                if isWhole && isChanged then
                    match changed rules.Rules field &effort with
                    | ValueSome field -> fields[index] <- field
                    | ValueNone -> isWhole <- false

            if isWhole then
                ValueSome(Header.ofFields fields)
            else
                ValueNone
