/// The Authentication-Results field: a writer that lets nothing of a message out of its place, and a reader
/// (RFC 8601, RFC 6008).
namespace Dkim.Core.Signatures

open System
open System.Text
open FParsec
open Dkim.Core.Words
open Dkim.Core.Message

/// `ptype.property=pvalue` (RFC 8601 §2.2)
[<Struct>]
type ResultProperty =
    {
        Type: string
        Name: string
        Value: string
    }

/// What one method said of one identity (RFC 8601 §2.2 resinfo).
type MethodResult =
    {
        Method: string
        /// The method's version; nothing means 1.
        MethodVersion: int voption
        Result: string
        /// A remark in parentheses behind the result. Readers skip comments, so that it is never read back.
        Comment: string voption
        Reason: string voption
        Properties: ResultProperty list
    }

/// The results of one service. No results at all are written as `none`.
type AuthenticationResults =
    {
        ServiceId: string
        Version: int voption
        Results: MethodResult list
    }

module AuthenticationResults =
    [<Literal>]
    let FieldName = "Authentication-Results"

    /// Longer fields are not read.
    [<Literal>]
    let private Longest = 65536

    /// Longer remarks and values are cut when written.
    [<Literal>]
    let private LongestText = 400

    /// A character of a `token` (RFC 2045 §5.1) or of a UTF-8 sequence.
    let private isTokenChar (c: char) =
        c > ' ' && c <> '\127' && not ("()<>@,;:\\\"/[]?=".Contains c)

    let private isToken (text: string) =
        text <> ""
        && String.forall (fun c -> isTokenChar c && not (Char.IsControl c)) text

    let private isAtomText (c: char) =
        c > ' '
        && c <> '\127'
        && not (Char.IsControl c)
        && not ("()<>[]:;@\\,\"".Contains c)

    /// `[ [ local-part ] "@" ] domain-name`, which needs no quotes though `@` is no token character.
    let private isMailIdentity (text: string) =
        match text.LastIndexOf '@' with
        | -1 -> false
        | at ->
            let local, domain = text.Substring(0, at), text.Substring(at + 1)

            let dotAtom =
                not (local.StartsWith '.' || local.EndsWith '.' || local.Contains "..")

            String.forall isAtomText local && dotAtom && isToken domain

    let private tame (text: string) = Printable.excerpt LongestText text

    let private escaped (special: string) (text: string) =
        text
        |> String.collect (fun c -> if special.Contains c then "\\" + string c else string c)

    let private quoted (text: string) =
        "\"" + escaped "\\\"" (tame text) + "\""

    let private writeValue (text: string) =
        if isToken text then tame text else quoted text

    let private writeProperty (property: ResultProperty) =
        let value =
            if isMailIdentity property.Value && property.Value.Length <= LongestText then
                property.Value
            else
                writeValue property.Value

        property.Type + "." + property.Name + "=" + value

    /// The words of one result; a line may be folded between any two.
    let private writeResult (result: MethodResult) : string list =
        let version =
            result.MethodVersion |> ValueOption.map (fun version -> "/" + string version)

        [
            result.Method + ValueOption.defaultValue "" version + "=" + result.Result
            if result.Comment.IsSome then
                "(" + escaped "\\()" (tame result.Comment.Value) + ")"
            if result.Reason.IsSome then
                "reason=" + writeValue result.Reason.Value
            yield! result.Properties |> List.map writeProperty
        ]

    // Lines are broken only where they would get longer than the margin, and then before a word.
    let private fold (margin: int) (words: string list) : string =
        let text = StringBuilder()
        let mutable column = FieldName.Length + 1

        for word in words do
            if column + 1 + word.Length > margin && column > 8 then
                text.Append("\r\n\t").Append word |> ignore
                column <- 8 + word.Length
            else
                text.Append(' ').Append word |> ignore
                column <- column + 1 + word.Length

        text.ToString()

    /// The words of a field's value; a line may be folded between any two.
    let internal words (results: AuthenticationResults) : string list =
        let version =
            match results.Version with
            | ValueSome version -> " " + string version
            | ValueNone -> ""

        let clauses =
            match results.Results with
            | [] -> [ [ "none" ] ]
            | results -> results |> List.map writeResult

        let separate (words: string list) (clause: string list) =
            match List.rev words with
            | last :: before -> List.rev ((last + ";") :: before) @ clause
            | [] -> clause

        clauses |> List.fold separate [ writeValue results.ServiceId + version ]

    /// The field, with its lines folded so that none is longer than `margin` columns where that can be helped.
    let field (margin: int) (results: AuthenticationResults) : Field =
        let line = FieldName + ":" + fold margin (words results)
        Field.ofOctets (ReadOnlyMemory(Encoding.UTF8.GetBytes line))

    /// How much of each b= to show as `header.b`: eight characters, or as many more as tell it from the others
    /// (RFC 6008 §4).
    let signaturePrefixes (values: string list) : string list =
        let prefix (length: int) (value: string) =
            value.Substring(0, min length value.Length)

        let rec shortest length (value: string) =
            let same other =
                other <> value && prefix length other = prefix length value

            if length < value.Length && List.exists same values then
                shortest (length + 1) value
            else
                prefix length value

        values |> List.map (shortest 8)

    let private token = many1SatisfyL isTokenChar "a word" .>> Grammar.cfws

    /// `value = token / quoted-string` (RFC 2045 §5.1)
    let private value = Grammar.quotedString <|> token

    /// `Keyword = Let-dig *( Ldh-str )` (RFC 5321 §4.1.2)
    let private keyword =
        many1SatisfyL (fun c -> Char.IsAsciiLetterOrDigit c || c = '-' || c = '_') "a keyword"
        .>> Grammar.cfws

    /// `1*DIGIT [CFWS]`
    let private version =
        manyMinMaxSatisfyL 1 9 Char.IsAsciiDigit "a version" .>> Grammar.cfws
        |>> Int32.Parse

    let private mark (c: char) = skipChar c >>. Grammar.cfws

    /// `methodspec = [CFWS] method [CFWS] "=" [CFWS] result`, `method = Keyword [ [CFWS] "/" [CFWS] method-version ]`
    let private methodSpec =
        keyword .>>. opt (mark '/' >>. version) .>> mark '=' .>>. keyword

    /// `reasonspec = "reason" [CFWS] "=" [CFWS] value`
    let private reasonSpec =
        attempt (skipStringCI "reason" >>. Grammar.cfws >>. mark '=') >>. value

    /// `pvalue = [CFWS] ( value / [ [ local-part ] "@" ] domain-name ) [CFWS]`, and what others write without the quotes
    /// that it would need.
    let private propertyValue =
        let bare = many1SatisfyL (fun c -> c > ' ' && not (";()\"".Contains c)) "a value"

        (Grammar.quotedString
         .>>. ((skipChar '@' >>. bare |>> fun domain -> "@" + domain) <|>% "")
         |>> fun (local, rest) -> local + rest)
        <|> bare
        .>> Grammar.cfws

    /// `propspec = ptype [CFWS] "." [CFWS] property [CFWS] "=" pvalue`
    let private propertySpec =
        pipe3 (keyword .>> mark '.') (keyword .>> mark '=') propertyValue (fun propertyType name value ->
            {
                Type = propertyType
                Name = name
                Value = value
            })

    /// `resinfo = [CFWS] ";" methodspec [ CFWS reasonspec ] [ CFWS 1*propspec ]`
    let private resultInfo =
        pipe3 methodSpec (opt reasonSpec) (many propertySpec) (fun ((name, version), result) reason properties ->
            {
                Method = name
                MethodVersion = ValueOption.ofOption version
                Result = result
                Comment = ValueNone
                Reason = ValueOption.ofOption reason
                Properties = properties
            })

    /// `[CFWS] authserv-id [ CFWS authres-version ]`
    let private service = Grammar.cfws >>. value .>>. opt version

    /// `authres-payload = [CFWS] authserv-id [ CFWS authres-version ] ( no-result / 1*resinfo ) [CFWS]`,
    /// `no-result = [CFWS] ";" [CFWS] "none"`. A semicolon at the end, which many write, is let pass.
    let private payload =
        let none =
            attempt (mark ';' >>. skipStringCI "none" >>. Grammar.cfws .>> eof) >>% []

        let info = attempt (mark ';' >>. notFollowedBy eof) >>. resultInfo

        pipe2 service (none <|> many info .>> optional (mark ';')) (fun (name, version) results ->
            {
                ServiceId = name
                Version = ValueOption.ofOption version
                Results = results
            })

    /// Reads a field; the error says where it leaves the grammar.
    let parse (field: Field) : Result<AuthenticationResults, string> =
        if field.Value.Length > Longest then
            Result.Error "too long"
        else
            Grammar.parseAll payload field.ValueText

    let internal isVersionOne version = ValueOption.forall ((=) 1) version

    /// The name that a service has in its fields: the first that can be its own. None is empty or `localhost`, which are
    /// everybody's; a service without a name has one that is known to be none (RFC 8601 §2.5).
    let internal serviceName (names: string list) : string =
        names
        |> List.tryFind (fun name -> name <> "" && not (name.Equals("localhost", StringComparison.OrdinalIgnoreCase)))
        |> Option.defaultValue "localhost.localdomain"

    /// A host as names are compared: A-labels, lower case, no final dot; a job id after a slash is not part of it.
    let internal comparable (id: string) : string =
        let slash = id.IndexOf '/'
        let name = if slash < 0 then id else id.Substring(0, slash)
        let host = name.TrimEnd '.'

        match Label.tryName 253 1 host with
        | Result.Ok name -> name
        | Result.Error _ -> host.ToLowerInvariant()

    /// The start of a field of results, which can be read though the rest leaves the grammar: its service and version.
    let internal tryStart (field: Field) : struct (string * int voption) voption =
        let value = field.ValueText

        match run service (value.Substring(0, min Longest value.Length)) with
        | Success((id, version), _, _) -> ValueSome(struct (Octets.decoded id, ValueOption.ofOption version))
        | Failure _ -> ValueNone
