/// What other implementations are known to get wrong, so that their word says nothing about us.
module Dkim.Tests.Messages.Shortcomings

open System
open System.Text
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Canonicalization
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Qmail
open Dkim.Tests.Messages.Ways

let private hasBare (octet: byte) (octets: byte[]) =
    let isEnd index =
        octets[index] = 13uy && index + 1 < octets.Length && octets[index + 1] = 10uy
        || octets[index] = 10uy && index > 0 && octets[index - 1] = 13uy

    octets
    |> Seq.indexed
    |> Seq.exists (fun (index, one) -> one = octet && not (isEnd index))

let private isOddField (field: Field) =
    let before = int field.Colon - 1

    before < 0
    || before + 1 >= field.Raw.Length
    || Octets.isWsp field.Raw.Span[before]

let private isFolded (name: string) (header: Header) =
    Header.all name header
    |> List.exists (fun field -> field.ValueText.Contains '\n')

/// Why the peer is not asked, if so.
let tryFind (peer: string) (way: Way) (header: Header) (message: byte[]) : string voption =
    let text = Encoding.Latin1.GetString message
    let bodyAt = text.IndexOf("\r\n\r\n", StringComparison.Ordinal)
    let body = if bodyAt < 0 then "" else text.Substring(bodyAt + 4)
    let unended = body <> "" && not (body.EndsWith("\r\n", StringComparison.Ordinal))
    let nul = header.Fields |> Seq.exists (fun field -> field.ValueText.Contains '\000')

    match peer with
    | "Mail::DKIM" when way.KeyFile = "ed25519" -> ValueSome "has no Ed25519"
    | "Mail::DKIM" when way.Scheme = DomainKeys && isFolded "From" header -> ValueSome "reads no folded From"
    | "Mail::DKIM" when way.Body = NofwsBody && hasBare 10uy message -> ValueSome "keeps LF under nofws"
    | "Mail::DKIM" when unended && way.Body <> RelaxedBody -> ValueSome "does not end an unended body"
    | "dkimpy"
    | "OpenDKIM"
    | "rspamd" when way.Scheme = DomainKeys -> ValueSome "has no DomainKeys"
    | "dkimpy"
    | "OpenDKIM"
    | "rspamd" when Seq.exists isOddField header.Fields -> ValueSome "refuses white space before a colon"
    | "dkimpy" when hasBare 10uy message -> ValueSome "turns LF into CRLF"
    | "dkimpy" when unended && String.IsNullOrWhiteSpace body -> ValueSome "hashes CRLF for blanks"
    | "OpenDKIM"
    | "rspamd" when hasBare 10uy message || hasBare 13uy message -> ValueSome "takes CR or LF for a line end"
    | "OpenDKIM" when unended && way.Body = RelaxedBody -> ValueSome "does not hash an unended line"
    | "OpenDKIM" when nul -> ValueSome "takes NUL for the end of a field"
    | "rspamd" when nul && way.Header = RelaxedHeader -> ValueSome "takes NUL for the end of a field"
    | "rspamd" when way.Body = RelaxedBody && body.AsSpan().ContainsAny('\011', '\012') ->
        ValueSome "takes VT and FF for white space"
    | "rspamd" when way.Body = RelaxedBody && body <> "" && String.IsNullOrWhiteSpace body ->
        ValueSome "hashes CRLF for blanks"
    | "rspamd" when (Header.all "Subject" header).Length > 1 ->
        ValueSome "takes two fields, where one may stand, for damage"
    | _ -> ValueNone
