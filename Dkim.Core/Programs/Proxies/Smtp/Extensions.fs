/// Which SMTP extensions of a relay pass through a proxy (RFC 5321 §2.2). A proxy follows the dialogue by the replies that
/// it counts: what adds a reply after the final dot, turns the roles, hides the mail or carries it past the proxy cannot
/// pass. An extension that nobody here has read about is taken for such a one.
module Dkim.Core.Programs.Proxies.Smtp.SmtpExtensions

open System
open System.Text

/// What becomes of an extension that a relay offers in its reply to EHLO.
[<Struct>]
type Treatment =
    /// It passes, since it changes nothing that the proxy follows.
    | Transparent
    /// It passes, and the proxy takes part in it.
    | Handled
    /// The client does not hear of it.
    | Dropped

/// Keyword, treatment, and what the extension does.
let table: (string * Treatment * string) list =
    [
        "8BITMIME", Transparent, "octets over 127 in bodies (RFC 6152)"
        "ATRN", Dropped, "turns the roles of client and server (RFC 2645)"
        "AUTH", Handled, "challenges between command and reply (RFC 4954)"
        "AUTH=LOGIN", Handled, "how older servers write AUTH"
        "BINARYMIME", Dropped, "bodies that only BDAT can carry (RFC 3030)"
        "BURL", Dropped, "the relay takes the message from elsewhere (RFC 4468)"
        "CHECKPOINT", Dropped, "a message may begin in its middle (RFC 1845)"
        "CHUNKING", Dropped, "BDAT carries messages past the proxy (RFC 3030)"
        "CONNEG", Transparent, "what a recipient can display, in replies to RCPT (RFC 4141)"
        "CONPERM", Transparent, "permission to convert, a parameter of MAIL (RFC 4141)"
        "DELIVERBY", Transparent, "a parameter of MAIL (RFC 2852)"
        "DSN", Transparent, "parameters of MAIL and RCPT (RFC 3461)"
        "ENHANCEDSTATUSCODES", Transparent, "words in replies (RFC 2034)"
        "ETRN", Transparent, "a command with one reply (RFC 1985)"
        "EXPN", Transparent, "a command with one reply (RFC 5321 §3.5.2)"
        "FUTURERELEASE", Transparent, "parameters of MAIL (RFC 4865)"
        "HELP", Transparent, "a command with one reply (RFC 5321 §4.1.1.8)"
        "LIMITS", Transparent, "says what the server takes (RFC 9422)"
        "MT-PRIORITY", Transparent, "a parameter of MAIL (RFC 6710)"
        "MTRK", Transparent, "a parameter of MAIL (RFC 3885)"
        "NO-SOLICITING", Transparent, "words of the server, a parameter of MAIL (RFC 3865)"
        "ONEX", Transparent, "a command with one reply"
        "PIPELINING", Handled, "commands before replies (RFC 2920)"
        "PRDR", Dropped, "a reply for each recipient after the final dot"
        "REQUIRETLS", Dropped, "demands STARTTLS, which cannot pass (RFC 8689)"
        "RRVS", Transparent, "a parameter of RCPT (RFC 7293)"
        "SAML", Dropped, "a transaction that does not begin with MAIL (RFC 821 §3.4)"
        "SEND", Dropped, "a transaction that does not begin with MAIL (RFC 821 §3.4)"
        "SIZE", Transparent, "a parameter of MAIL (RFC 1870)"
        "SMTPUTF8", Transparent, "a parameter of MAIL (RFC 6531)"
        "SOML", Dropped, "a transaction that does not begin with MAIL (RFC 821 §3.4)"
        "STARTTLS", Dropped, "TLS would hide the mail from the proxy (RFC 3207)"
        "SUBMITTER", Transparent, "a parameter of MAIL (RFC 4405)"
        "TURN", Dropped, "turns the roles of client and server (RFC 821 §3.8)"
        "UTF8SMTP", Transparent, "SMTPUTF8 as it was tried out (RFC 5336)"
        "VERB", Dropped, "replies that nobody asked for"
        "X-EXPS", Dropped, "an exchange of its own, of Exchange servers"
        "X-LINK2STATE", Dropped, "an exchange of its own, of Exchange servers"
        "XCLIENT", Handled, "tells of another client, and leads back to the greeting (Postfix)"
        "XEXCH50", Dropped, "octets that are no command, of Exchange servers"
        "XFORWARD", Transparent, "a command with one reply (Postfix)"
        "XVERP", Transparent, "a parameter of MAIL (Postfix)"
    ]

/// Commands that would do what a dropped extension does; the proxy answers them itself with a 502, whether or not they
/// were offered.
let withheldCommands: string list =
    [
        "ATRN"
        "BDAT"
        "BURL"
        "SAML"
        "SEND"
        "SOML"
        "STARTTLS"
        "TURN"
        "VERB"
        "X-EXPS"
        "X-LINK2STATE"
        "XEXCH50"
    ]

/// Parameters of MAIL that belong to dropped extensions, in capitals.
let private withheldParameters = [ "BODY=BINARYMIME"; "PRDR"; "REQUIRETLS" ]

/// The longest keyword or command here, in octets: a longer word is none of them.
[<Literal>]
let private Longest = 32

let private passing =
    table
    |> List.choose (fun (keyword, treatment, _) -> if treatment = Dropped then None else Some keyword)
    |> Set.ofList

let private withheld = Set.ofList withheldCommands

let private contains (names: Set<string>) (word: ReadOnlySpan<byte>) =
    word.Length <= Longest
    && names.Contains((Encoding.Latin1.GetString word).ToUpperInvariant())

/// Whether a keyword of a relay's reply to EHLO, in any case, goes on to the client.
[<CompiledName "Passes">]
let passes (keyword: ReadOnlySpan<byte>) : bool = contains passing keyword

/// Whether a command, in any case, is answered by the proxy with a 502.
[<CompiledName "IsWithheld">]
let isWithheld (verb: ReadOnlySpan<byte>) : bool = contains withheld verb

/// Whether a MAIL command has a parameter of an extension that is not offered (RFC 5321 §4.1.1.11: 555).
[<CompiledName "HasWithheldParameter">]
let hasWithheldParameter (mail: ReadOnlySpan<byte>) : bool =
    let path = mail.LastIndexOf(byte '>')
    let parameters = Encoding.Latin1.GetString(mail.Slice(path + 1)).ToUpperInvariant()

    parameters.Split([| ' '; '\t'; '\r'; '\n' |], StringSplitOptions.RemoveEmptyEntries)
    |> Array.exists (fun word -> List.contains word withheldParameters)
