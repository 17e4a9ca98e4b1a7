/// Who sent a message: the mailboxes of From, Sender and their kin, read as RFC 5322 §3.4 with its obsolete forms, and
/// the sending address of DomainKeys (RFC 4870 §3.1).
module Dkim.Core.Message.Originator

open System
open FParsec
open Dkim.Core.Words
open Dkim.Core.Words.Grammar

let private isAtomChar (c: char) =
    isUtf8Octet c || isVisible c && not ("()<>[]:;@\\,.\"".Contains c)

/// `atom = [CFWS] 1*atext [CFWS]`
let private atom = many1Chars "a word" isAtomChar .>> cfws

let private word = quotedString <|> atom

/// `local-part = dot-atom / quoted-string / obs-local-part`
let private localPart =
    sepBy1 word (skipChar '.' >>. cfws) |>> fun words -> String.Join('.', words)

/// `domain = dot-atom / domain-literal / obs-domain`
let private domain =
    let literal =
        between (skipChar '[') (skipChar ']') (manySatisfy (fun c -> c <> ']' && c <> '['))
        .>> cfws

    (literal |>> fun text -> "[" + String.filter (isCfwsChar >> not) text + "]")
    <|> (sepBy1 atom (skipChar '.' >>. cfws) |>> fun labels -> String.Join('.', labels))

/// `addr-spec = local-part "@" domain`
let private addrSpec =
    pipe2 (localPart .>> skipChar '@' .>> cfws) domain (fun local domain -> { LocalPart = local; Domain = domain })

/// `obs-route = obs-domain-list ":"`, `obs-domain-list = *(CFWS / ",") "@" domain *("," [CFWS] ["@" domain])`
let private route =
    let hop = skipChar '@' >>. cfws >>. domain >>% ()
    let comma = skipChar ',' >>. cfws

    skipMany comma
    >>. hop
    >>. skipMany (comma >>. optional hop)
    >>. skipChar ':'
    >>. cfws

let private angleAddr =
    between (skipChar '<' >>. cfws) (skipChar '>' >>. cfws) (optional (followedBy (anyOf "@,") >>. route) >>. addrSpec)

/// `display-name = phrase`, with the dots of `obs-phrase`, which may even begin it.
let private displayName =
    skipMany1 (skipMany1Satisfy (fun c -> c = '.') >>. cfws <|> (word >>% ()))

/// `name-addr = [display-name] angle-addr`
let private nameAddr = optional displayName >>. angleAddr

let private mailbox = attempt nameAddr <|> addrSpec

/// `group = display-name ":" [group-list] ";" [CFWS]`
let private group =
    let members = sepBy (opt mailbox) (skipChar ',' >>. cfws) |>> List.choose id
    between (attempt (displayName >>. skipChar ':') >>. cfws) (skipChar ';' >>. cfws) members

let private addressList =
    let entry = group <|> (mailbox |>> List.singleton)

    cfws
    >>. (sepBy (opt entry) (skipChar ',' >>. cfws) |>> (List.choose id >> List.concat))

/// The mailboxes of a field's value, in order; nothing when it is no address list.
let addresses (field: Field) : Address list voption =
    match parseAll addressList field.ValueText with
    | Result.Ok found -> ValueSome found
    | Result.Error _ -> ValueNone

/// The first mailbox of a field.
let tryFirst (field: Field) : Address voption =
    match addresses field with
    | ValueSome(first :: _) -> ValueSome first
    | _ -> ValueNone

/// The author: the first mailbox of the first From.
let tryAuthor (header: Header) : Address voption =
    Header.tryFind "From" header |> ValueOption.bind tryFirst

/// `addr-spec` with a final dot, which resolvers take and RFC 5322 §3.4.1 does not: a forger writes it so that nobody
/// knows whose policy counts.
let private dottedAddrSpec =
    let labels =
        sepEndBy1 atom (skipChar '.' >>. cfws)
        |>> fun labels -> String.Join('.', labels)

    pipe2 (cfws >>. localPart .>> skipChar '@' .>> cfws) labels (fun local domain ->
        { LocalPart = local; Domain = domain })

/// The first mailbox of a field or, where the field leaves the grammar, what stands in its only angle brackets, or the
/// bare address with a final dot: mail has commas, colons and brackets in display names, which RFC 5322 §3.4 forbids
/// without quotes.
let tryFirstLenient (field: Field) : Address voption =
    let text = field.ValueText
    let at = text.IndexOf '<'

    match addresses field with
    | ValueSome found -> found |> List.tryHead |> ValueOption.ofOption
    | ValueNone when at < 0 -> parseAll dottedAddrSpec text |> Result.toValueOption
    | ValueNone when at = text.LastIndexOf '<' ->
        let bracketed = between (skipChar '<') (skipChar '>' >>. cfws) dottedAddrSpec
        let inner = text.Substring at

        match parseAll angleAddr inner with
        | Result.Ok address -> ValueSome address
        | Result.Error _ -> parseAll bracketed inner |> Result.toValueOption
    | ValueNone -> ValueNone

/// The domain of an address of a header, whose octets may be UTF-8 (RFC 6532 §3.2); nothing where it cannot be a name.
let tryDomain (address: Address) : DomainName voption =
    DomainName.tryCreate (Octets.decoded address.Domain) |> Result.toValueOption

/// The author whose policy counts when mail is judged, and its domain: the first mailbox of the first From that names a
/// domain at all. A forger puts a From that nobody can read beside the one that mail programs show.
let tryJudged (header: Header) : struct (Address * DomainName) voption =
    let named (field: Field) =
        tryFirstLenient field
        |> ValueOption.bind (fun address ->
            tryDomain address |> ValueOption.map (fun domain -> struct (address, domain)))

    Header.all "From" header
    |> List.tryPick (named >> ValueOption.toOption)
    |> ValueOption.ofOption

/// Where a sending address was read (RFC 4870 §3.1; §3.3 h= must name it).
[<Struct>]
type Source =
    | Sender
    | From

/// The sending address of DomainKeys: that of Sender where there is one, else the first of From (RFC 4870 §3.1). A
/// message with several From or Sender fields has none.
let trySending (header: Header) : struct (Source * Address) voption =
    let only name source =
        match Header.all name header with
        | [ field ] -> tryFirst field |> ValueOption.map (fun address -> struct (source, address))
        | _ -> ValueNone

    if (Header.tryFind "Sender" header).IsSome then
        if (Header.tryFind "From" header).IsSome then
            only "Sender" Sender
        else
            ValueNone
    else
        only "From" From

/// The name that a source has in a header and in h=.
let sourceName (source: Source) =
    match source with
    | Sender -> "Sender"
    | From -> "From"
