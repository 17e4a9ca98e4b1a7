/// Octets and the units they are counted in. Text taken from a message is Latin-1: one character for one octet, so
/// that an index into the text is an offset into the message.
namespace Dkim.Core.Words

open System
open System.Text

/// Octets of a message or of its canonical form.
[<Measure>]
type octet

/// Bits of a key.
[<Measure>]
type bit

/// Seconds: of a duration, or since 1970-01-01T00:00:00Z.
[<Measure>]
type sec

/// A stretch of octets inside some field or text.
[<Struct>]
type Extent = { At: int<octet>; Length: int<octet> }

module Octets =
    [<Literal>]
    let Tab = 9uy

    [<Literal>]
    let LF = 10uy

    [<Literal>]
    let CR = 13uy

    [<Literal>]
    let Space = 32uy

    [<Literal>]
    let Colon = 58uy

    /// WSP: a space or a horizontal tab (RFC 5234 B.1).
    let inline isWsp (octet: byte) = octet = Space || octet = Tab

    let internal crlf = [| CR; LF |]

    /// The octets as text, one character for each.
    let latin1 (octets: ReadOnlySpan<byte>) = Encoding.Latin1.GetString octets

    /// The octets of a text that `latin1` made. A character above U+00FF, which none of ours has, becomes `?`.
    let ofLatin1 (text: string) = Encoding.Latin1.GetBytes text

    /// UTF-8 read strictly: nothing when the octets are not well formed (RFC 3629).
    let tryUtf8 (octets: ReadOnlySpan<byte>) : string voption =
        if Unicode.Utf8.IsValid octets then
            ValueSome(Encoding.UTF8.GetString octets)
        else
            ValueNone

    /// The text of octets that `latin1` made text: UTF-8 where they are well-formed UTF-8, else as it is.
    let decoded (text: string) : string =
        tryUtf8 (ReadOnlySpan(ofLatin1 text)) |> ValueOption.defaultValue text
