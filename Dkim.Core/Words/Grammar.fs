/// Productions that several grammars share, named as in the ABNF of RFC 5234, 5322, 5321 and 6376. FParsec takes CR, LF
/// and CRLF for the same newline, so the only line end in our grammars is the exact one made here.
module internal Dkim.Core.Words.Grammar

open System
open System.Text
open FParsec

/// A parser without state of its own.
type Parser<'a> = Parser<'a, unit>

let isWspChar (c: char) = c = ' ' || c = '\t'

let isVisible (c: char) = c > ' ' && c < '\127'

/// An octet of a UTF-8 sequence, seen as Latin-1 (RFC 6532 §3.1).
let isUtf8Octet (c: char) = c >= '\128' && c <= '\255'

/// `CRLF = CR LF`, and nothing else.
let crlf: Parser<unit> =
    fun stream ->
        if stream.Peek2() = TwoChars('\r', '\n') then
            stream.Skip 2
            Reply(())
        else
            Reply(ReplyStatus.Error, expected "CRLF")

/// `FWS = [*WSP CRLF] 1*WSP` (RFC 6376 §2.8). Yields whether there was any: as `[FWS]` it never fails.
let fws: Parser<bool> =
    fun stream ->
        let start = stream.Index

        let wsp () =
            stream.SkipCharsOrNewlinesWhile isWspChar

        wsp () |> ignore
        let state = CharStreamState stream

        if stream.Peek2() = TwoChars('\r', '\n') then
            stream.Skip 2
            // A line end that no white space follows is not ours to take.
            if wsp () = 0 then
                stream.BacktrackTo state

        Reply(stream.Index > start)

/// Skips `[FWS]`.
let skipFws: Parser<unit> = fws |>> ignore

/// The text of a run of characters, at least one.
let many1Chars label predicate : Parser<string> = many1SatisfyL predicate label

/// Comments nest no deeper than this.
[<Literal>]
let private Deepest = 16

// What white space and comments may stand anywhere between tokens. Folds need no look at what follows: a field value
// that was cut from a header has line ends only before white space.
let isCfwsChar c = isWspChar c || c = '\r' || c = '\n'

/// `comment = "(" *([FWS] ccontent) [FWS] ")"`, by hand because it nests.
let private comment: Parser<unit> =
    fun stream ->
        if stream.Peek() <> '(' then
            Reply(ReplyStatus.Error, expected "a comment")
        else
            let mutable depth = 0
            let mutable going = true

            while going do
                match stream.Read() with
                | '\\' -> stream.Read() |> ignore
                | '(' -> depth <- depth + 1
                | ')' -> depth <- depth - 1
                | EOS when stream.IsEndOfStream -> going <- false
                | _ -> ()

                if depth = 0 || depth > Deepest then
                    going <- false

            if depth = 0 then
                Reply(())
            else
                Reply(ReplyStatus.FatalError, expected "the end of a comment")

/// `[CFWS]`
let cfws: Parser<unit> =
    skipMany (skipMany1SatisfyL isCfwsChar "white space" <|> comment)

/// `quoted-string`, without its quotes, with its pairs resolved and its folds gone (RFC 5322 §3.2.4). By hand, because
/// the strings that FParsec makes have LF for each CR.
let quotedString: Parser<string> =
    let content: Parser<string> =
        fun stream ->
            let text = StringBuilder()

            while not stream.IsEndOfStream && stream.Peek() <> '"' do
                if stream.Peek2() = TwoChars('\r', '\n') then
                    stream.Skip 2
                else
                    if stream.Peek() = '\\' then
                        stream.Skip()

                    if not stream.IsEndOfStream then
                        text.Append(stream.Read()) |> ignore

            Reply(text.ToString())

    between (skipChar '"') (skipChar '"') content .>> cfws

/// `ALPHA *ALNUMPUNC`: the name of a tag (RFC 6376 §3.2).
let tagName: Parser<string> =
    many1Satisfy2L Char.IsAsciiLetter (fun c -> Char.IsAsciiLetterOrDigit c || c = '_') "a tag name"

/// `hyphenated-word = ALPHA [ *(ALPHA / DIGIT / "-") (ALPHA / DIGIT) ]` (RFC 6376 §2.4).
let hyphenatedWord: Parser<string> =
    many1Satisfy2L Char.IsAsciiLetter (fun c -> Char.IsAsciiLetterOrDigit c || c = '-') "a word"
    >>= fun word ->
        if word.EndsWith '-' then
            fail "a word cannot end in a hyphen"
        else
            preturn word

/// A production whose value must be of a kind that no grammar says; the reason why one is not is told at the place where
/// it begins.
let checkedBy (check: 'a -> Result<'b, string>) (production: Parser<'a>) : Parser<'b> =
    fun stream ->
        let start = CharStreamState stream
        let reply = production stream

        if reply.Status <> ReplyStatus.Ok then
            Reply(reply.Status, reply.Error)
        else
            match check reply.Result with
            | Result.Ok value -> Reply value
            | Result.Error reason ->
                stream.BacktrackTo start
                Reply(ReplyStatus.FatalError, messageError reason)

/// Parts between a separator, with `[FWS]` allowed around it.
let listOf (separator: char) (part: Parser<'a>) : Parser<'a list> =
    sepBy1 part (attempt (skipFws >>. skipChar separator) >>. skipFws)

/// Runs a grammar over all of a text. The sentence of an error is one line.
let parseAll (grammar: Parser<'a>) (text: string) : Result<'a, string> =
    match run (grammar .>> eof) text with
    | Success(value, _, _) -> Result.Ok value
    | Failure(_, error, _) ->
        let position = "at character " + string (error.Position.Index + 1L)

        let messages = ErrorMessageList.ToSortedArray error.Messages

        // What is wrong with what stands there says more than what else might stand there.
        let reasons =
            messages
            |> Array.choose (fun message ->
                match message with
                | Message text -> Some text
                | _ -> None)

        let expected =
            messages
            |> Array.choose (fun message ->
                match message with
                | Expected label
                | ExpectedString label -> Some("expected " + label)
                | _ -> None)

        let wanted = Array.distinct (if reasons.Length > 0 then reasons else expected)

        Result.Error(
            if wanted.Length = 0 then
                "unexpected text " + position
            else
                String.Join(" or ", wanted) + " " + position
        )
