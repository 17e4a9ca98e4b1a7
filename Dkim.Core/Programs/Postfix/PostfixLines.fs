/// The lines of main.cf and master.cf (postconf(5), master(5)), and of what postconf(1) prints of them.
namespace Dkim.Core.Programs.Postfix

open System
open FParsec
open Dkim.Core.Words
open Dkim.Core.Asking
open Dkim.Core.Programs.Settings

/// Where something stands. The line is 0 where postconf has told it, which knows no lines.
[<Struct>]
type internal PostfixPlace = { File: string; Line: int }

/// A parameter that is given a value: `name = value`, or `-o name=value` below a service.
[<Struct>]
type internal PostfixParameter =
    {
        Name: string
        Value: string
        Place: PostfixPlace
    }

/// A service of master.cf.
type internal PostfixService =
    {
        Place: PostfixPlace
        /// As its first field has it: `smtp`, `127.0.0.1:10025`, `cleanup`.
        Name: string
        /// `inet`, `unix`, `pass`, ...
        Type: string
        /// `y`, `n` or `-`, which is the default.
        Chroot: string
        /// The program that serves it.
        Command: string
        /// In their order; the last of a name counts.
        Options: PostfixParameter list
    }

/// A line that says something.
type internal PostfixLine =
    | Parameter of PostfixParameter
    | Service of PostfixService

module internal PostfixLines =
    /// Longer files are not those of a mail server, in characters.
    [<Literal>]
    let Longest = 4194304

    /// A line with its continuations is no longer, in characters.
    [<Literal>]
    let private LongestLine = 65536

    /// Braces nest no deeper.
    [<Literal>]
    let private Deepest = 10

    /// A service has no more words.
    [<Literal>]
    let private MostWords = 4096

    /// White space as Postfix's isspace(3) has it: in ASCII alone.
    let isBlank (c: char) = c = ' ' || (c >= '\t' && c <= '\r')

    let private wsp: Grammar.Parser<unit> = skipManySatisfy isBlank

    /// `braced = "{" *( braced / any character but braces ) "}"`, without its own braces. By hand because it nests.
    let braced: Grammar.Parser<string> =
        fun stream ->
            if stream.Peek() <> '{' then
                Reply(ReplyStatus.Error, expected "{")
            else
                stream.Skip()
                let text = Text.StringBuilder()
                let mutable depth = 1

                while depth > 0 && depth <= Deepest && not stream.IsEndOfStream do
                    let c = stream.Read()

                    if c = '{' then
                        depth <- depth + 1
                    elif c = '}' then
                        depth <- depth - 1

                    if depth > 0 then
                        text.Append c |> ignore

                if depth = 0 then
                    Reply(text.ToString())
                else
                    Reply(ReplyStatus.FatalError, expected "}")

    /// `parameter = name *WSP "=" *WSP *any`, the name of printable characters without blanks.
    let private parameter: Grammar.Parser<string * string> =
        many1Satisfy (fun c -> c > ' ' && c <> '=' && c <> '\127')
        .>> wsp
        .>> skipChar '='
        .>> wsp
        .>>. manySatisfy (fun _ -> true)
        |>> fun (name, value) -> name, value.TrimEnd()

    /// `word = braced / 1*any`, without blanks outside braces. Yields whether it has braces, too.
    let private word: Grammar.Parser<struct (bool * string)> =
        (braced |>> fun text -> struct (true, text))
        <|> (many1Satisfy (isBlank >> not) |>> fun text -> struct (false, text))

    /// `service = name type private unpriv chroot wakeup maxproc command *( WSP word )`
    let private words: Grammar.Parser<struct (bool * string) list> = many (word .>> wsp)

    let private types = [ "inet"; "unix"; "fifo"; "pass"; "unix-dgram" ]

    // `-o name=value`, `-oname=value` and `-o { name = value }`.
    let rec private options (place: PostfixPlace) (words: struct (bool * string) list) found : PostfixParameter list =
        let take (text: string) rest =
            match Grammar.parseAll (wsp >>. parameter) text with
            | Result.Ok(name, value) ->
                let option =
                    {
                        Name = name
                        Value = value
                        Place = place
                    }

                options place rest (option :: found)
            | Result.Error _ -> options place rest found

        match words with
        | [] -> List.rev found
        | struct (false, "-o") :: struct (_, text) :: rest -> take text rest
        | struct (false, joined) :: rest when joined.StartsWith("-o", StringComparison.Ordinal) ->
            take (joined.Substring 2) rest
        | _ :: rest -> options place rest found

    let private service place (text: string) : Result<PostfixLine, string> =
        match Grammar.parseAll words text with
        | Result.Error reason -> Result.Error reason
        | Result.Ok words when words.Length > MostWords -> Result.Error "too many words"
        | Result.Ok(struct (_, name) :: struct (_, kind) :: _ :: _ :: struct (_, chroot) :: _ :: _ :: struct (_, command) :: rest) when
            List.contains kind types
            ->
            Result.Ok(
                Service
                    {
                        Place = place
                        Name = name
                        Type = kind
                        Chroot = chroot
                        Command = command
                        Options = options place rest []
                    }
            )
        | Result.Ok _ -> Result.Error "neither NAME = VALUE nor a service of eight fields or more"

    let private line (place: PostfixPlace) (text: string) : Result<PostfixLine, string> =
        if text.Length > LongestLine then
            Result.Error("longer than " + string LongestLine + " characters with what continues it")
        elif isBlank text[0] then
            Result.Error "white space at its beginning continues the line before, and there is none"
        else
            match Grammar.parseAll parameter text with
            | Result.Ok(name, value) ->
                Result.Ok(
                    Parameter
                        {
                            Name = name
                            Value = value
                            Place = place
                        }
                )
            | Result.Error _ -> service place text

    // Lines that begin with white space continue the one before; empty lines and comments, also between them, are
    // passed over.
    let private logical (text: string) : struct (int * string) list =
        let add (found: (int * Collections.Generic.List<string>) list) (index: int, text: string) =
            match found with
            | _ when Seq.forall isBlank text || text.TrimStart().StartsWith '#' -> found
            | (_, parts) :: _ when isBlank text[0] ->
                parts.Add(text.Trim())
                found
            | _ -> (index + 1, Collections.Generic.List [ text.TrimEnd() ]) :: found

        FileContents.lines text
        |> Array.indexed
        |> Array.fold add []
        |> List.rev
        |> List.map (fun (number, parts) -> struct (number, String.Join(' ', parts)))

    /// Reads the lines of a file, or what is wrong with the first that says nothing. Without `numbered` no line has a
    /// number.
    let read (file: string) (numbered: bool) (text: string) : Result<PostfixLine list, string> =
        let problem (place: PostfixPlace) reason =
            let where = if place.Line = 0 then "" else ":" + string place.Line
            Result.Error(file + where + ": " + reason)

        let one state struct (number, text) =
            let place =
                {
                    File = file
                    Line = if numbered then number else 0
                }

            match state, line place text with
            | Result.Error _, _ -> state
            | Result.Ok _, Result.Error reason -> problem place reason
            | Result.Ok found, Result.Ok line -> Result.Ok(line :: found)

        if text.Length > Longest then
            Result.Error(file + ": longer than 4 MiB")
        else
            logical text |> List.fold one (Result.Ok []) |> Result.map List.rev
