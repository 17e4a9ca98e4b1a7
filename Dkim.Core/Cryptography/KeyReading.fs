/// Private keys that a table names, read when a message needs them: where one is, and what was found there.
namespace Dkim.Core.Cryptography

open System
open Dkim.Core.Words

/// Where a private key is.
type KeyPlace =
    /// `user`: who is to use it; empty for the present user.
    | KeyAt of path: string * user: string
    /// PEM, or the base64 of DER.
    | KeyText of text: string

module KeyPlace =
    /// What a row says: a path that begins with `/`, `./` or `../`, or the key itself.
    let internal ofRow (text: string) : KeyPlace =
        let isPath =
            [ "/"; "./"; "../" ]
            |> List.exists (fun start -> text.StartsWith(start, StringComparison.Ordinal))

        if isPath then KeyAt(text, "") else KeyText text

/// What was found there.
[<NoComparison; NoEquality>]
type KeyReading =
    /// A key, and whom its file is open to, if it is open.
    | KeyFound of key: SigningKey * isOpen: string voption
    | KeyUnread of reason: string
    | NoKeyThere

/// For a host, which reads files and keeps what was read.
module KeyReading =
    let private rebuilt (label: string) (base64: string) =
        let packed = base64 |> String.filter (Char.IsWhiteSpace >> not)
        "-----BEGIN " + label + "-----\n" + packed + "\n-----END " + label + "-----\n"

    let private parse (text: string) : SigningKey voption =
        SigningKey.parse ValueNone text |> Result.toValueOption

    // A block whose lines have been joined to one.
    let private ofPem (text: string) : SigningKey voption =
        let start = text.IndexOf("-----BEGIN ", StringComparison.Ordinal) + 11
        let labelEnd = text.IndexOf("-----", start, StringComparison.Ordinal)
        let finish = text.IndexOf("-----END ", StringComparison.Ordinal)

        if labelEnd < 0 || finish < labelEnd then
            ValueNone
        else
            parse (
                rebuilt (text.Substring(start, labelEnd - start)) (text.Substring(labelEnd + 5, finish - labelEnd - 5))
            )

    let private ofBase64 (text: string) : SigningKey voption =
        match parse (rebuilt "PRIVATE KEY" text) with
        | ValueNone -> parse (rebuilt "RSA PRIVATE KEY" text)
        | found -> found

    let private ofText (text: string) : SigningKey voption =
        if text.Contains "-----BEGIN " then
            match parse text with
            | ValueNone -> ofPem text
            | found -> found
        else
            ofBase64 text

    let private found (key: SigningKey voption) isOpen =
        match key with
        | ValueSome key -> KeyFound(key, isOpen)
        | ValueNone -> NoKeyThere

    /// The key that a table holds itself.
    let Inline (text: string) : KeyReading = found (ofText text) ValueNone

    /// The key of a file: PEM or DER. `isOpen`: whom the file is open to, in words; empty for nobody else.
    let OfFile (octets: ReadOnlyMemory<byte>, isOpen: string) : KeyReading =
        let text = Octets.latin1 octets.Span

        let key =
            if text.Contains "-----BEGIN " then
                ofText text
            else
                ofBase64 (Convert.ToBase64String octets.Span)

        found key (if isOpen = "" then ValueNone else ValueSome isOpen)

    /// A file that could not be read; `reason` as strerror(3) has it.
    let Unread (reason: string) : KeyReading = KeyUnread reason
