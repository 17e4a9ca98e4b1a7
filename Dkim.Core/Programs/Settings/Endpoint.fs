/// Addresses of sockets as settings write them: in libmilter's way (smfi_setconn: `inet:PORT@HOST`, `local:PATH`) and in
/// that of SMTP servers (`HOST:PORT`).
namespace Dkim.Core.Programs.Settings

open System
open System.Net
open System.Net.Sockets
open System.Text
open FParsec
open Dkim.Core.Words

/// Which addresses an endpoint means.
type EndpointFamily =
    /// IPv4 and IPv6.
    | Any = 0
    | IPv4 = 1
    | IPv6 = 2
    /// A Unix socket.
    | Local = 3

/// Where a service waits for connections, or where it connects to.
type Endpoint =
    {
        Family: EndpointFamily
        /// A name, or an address without brackets; nothing for every address of the machine; the path of a Unix socket.
        Host: string
        /// 0 where the system may choose one, and for a Unix socket.
        Port: int
    }

    member this.IsLocal = this.Family = EndpointFamily.Local

    /// The host where it is an address, and need not be looked up.
    member this.Address: IPAddress voption =
        match IPAddress.TryParse this.Host with
        | true, NonNull address when not this.IsLocal -> ValueSome address
        | _ -> ValueNone

    /// As it may be written in settings.
    override this.ToString() =
        let scheme =
            if this.Family = EndpointFamily.IPv6 then
                "inet6:"
            else
                "inet:"

        match this.Family with
        | EndpointFamily.Local -> "local:" + this.Host
        | EndpointFamily.IPv4
        | EndpointFamily.IPv6 when this.Host = "" -> scheme + string this.Port
        | EndpointFamily.IPv4
        | EndpointFamily.IPv6 -> scheme + string this.Port + "@" + this.Host
        | _ when this.Host.Contains ':' -> "[" + this.Host + "]:" + string this.Port
        | _ -> this.Host + ":" + string this.Port

/// A host with a port that may be left to a default.
[<Struct>]
type HostPort = { Host: string; Port: int voption }

module HostPort =
    let show (place: HostPort) : string =
        let host =
            match place.Host with
            | "" -> "*"
            | host when host.Contains ':' -> "[" + host + "]"
            | host -> host

        match place.Port with
        | ValueSome port -> host + ":" + string port
        | ValueNone -> host

    /// The endpoint, with a port where none is written.
    let endpoint (defaultPort: int) (place: HostPort) : Endpoint =
        {
            Family = EndpointFamily.Any
            Host = place.Host
            Port = ValueOption.defaultValue defaultPort place.Port
        }

module Endpoint =
    /// The longest path of a Unix socket, in octets (unix(7)).
    [<Literal>]
    let LongestPath = 107

    let private ofReason (reason: string) : Result<'a, string> = Result.Error reason

    let private portNumber (digits: string) : Result<int, string> =
        match Int32.TryParse digits with
        | true, port when digits.Length <= 5 && port <= 65535 -> Result.Ok port
        | _ -> ofReason "a port is a number from 0 to 65535"

    /// `port = 1*5DIGIT`, from 0 to 65535
    let private port: Grammar.Parser<int> =
        many1SatisfyL Char.IsAsciiDigit "a port, which is a number from 0 to 65535"
        |> Grammar.checkedBy portNumber

    let private isAddress (family: AddressFamily) (text: string) : bool =
        match IPAddress.TryParse text with
        | true, NonNull address -> address.AddressFamily = family
        | _ -> false

    let private v6 (text: string) : Result<string, string> =
        if isAddress AddressFamily.InterNetworkV6 text then
            Result.Ok text
        else
            ofReason "no IPv6 address"

    let private isV6Char c =
        Char.IsAsciiHexDigit c
        || c = ':'
        || c = '.'
        || c = '%'
        || Char.IsAsciiLetterOrDigit c

    /// `ipv6 = an address of RFC 4291 §2.2, with a zone of RFC 4007 §11 where there is one`
    let private ipv6: Grammar.Parser<string> =
        many1SatisfyL isV6Char "an IPv6 address" |> Grammar.checkedBy v6

    /// `bracketed = "[" ipv6 "]"`
    let private bracketed = between (skipChar '[') (skipChar ']') ipv6

    let private isLabel (label: string) =
        label <> ""
        && label.Length <= 63
        && not (label.StartsWith '-')
        && not (label.EndsWith '-')

    let private hostName (text: string) : Result<string, string> =
        let labels = text.TrimEnd('.').Split '.'

        if labels |> Array.forall (String.forall Char.IsAsciiDigit) && labels.Length > 1 then
            if isAddress AddressFamily.InterNetwork text then
                Result.Ok text
            else
                ofReason "no IPv4 address"
        elif String.forall Char.IsAsciiDigit text then
            ofReason "a number is no host"
        elif text.Length <= 253 && Array.forall isLabel labels then
            Result.Ok text
        else
            ofReason "no name of a host"

    let private isNameChar c =
        Char.IsLetterOrDigit c || c = '-' || c = '_' || c = '.'

    /// `name = 1*( letter / DIGIT / "-" / "_" / "." )`, an IPv4 address or the name of a host (RFC 1123 §2.1)
    let private name: Grammar.Parser<string> =
        many1SatisfyL isNameChar "a host" |> Grammar.checkedBy hostName

    /// `any = "*" / nothing`
    let private anyHost: Grammar.Parser<string> = optional (skipChar '*') >>% ""

    let private hasTwoColons: Grammar.Parser<unit> =
        let beforeColon = skipManySatisfy ((<>) ':') >>. skipChar ':'
        followedBy (beforeColon >>. beforeColon)

    let private place host port : HostPort =
        {
            Host = host
            Port = Option.toValueOption port
        }

    /// `host-port = ipv6 / ( bracketed / name / any ) [ ":" port ]`
    let private hostPort: Grammar.Parser<HostPort> =
        let withPort host =
            pipe2 host (opt (skipChar ':' >>. port)) place

        withPort bracketed
        <|> (hasTwoColons >>. ipv6 |>> fun host -> place host None)
        <|> withPort (name <|> anyHost)

    let private path: Grammar.Parser<Endpoint> =
        let short (text: string) =
            if Encoding.UTF8.GetByteCount text <= LongestPath then
                Result.Ok
                    {
                        Family = EndpointFamily.Local
                        Host = text
                        Port = 0
                    }
            else
                ofReason (
                    "the path of a Unix socket has at most "
                    + string LongestPath
                    + " octets, and this has more"
                )

        many1SatisfyL ((<>) '\000') "a path" |> Grammar.checkedBy short

    let private ofFamily family host : Result<string, string> =
        let other, word =
            if family = EndpointFamily.IPv6 then
                AddressFamily.InterNetwork, "IPv6"
            else
                AddressFamily.InterNetworkV6, "IPv4"

        if isAddress other host then
            ofReason ("no " + word + " address")
        else
            Result.Ok host

    /// `inet = port [ "@" host ]`
    let private portAtHost family : Grammar.Parser<Endpoint> =
        let host =
            bracketed <|> (hasTwoColons >>. ipv6) <|> name <|> anyHost
            |> Grammar.checkedBy (ofFamily family)

        port .>>. opt (skipChar '@' >>. host)
        |>> fun (port, host) ->
            {
                Family = family
                Host = Option.defaultValue "" host
                Port = port
            }

    let internal schemes = [ "local"; "unix"; "inet6"; "inet" ]

    let private scheme word = attempt (skipStringCI (word + ":"))

    /// A path stands without a scheme where a slash comes before any colon.
    let private isPath: Grammar.Parser<unit> =
        followedBy (skipManySatisfy (fun c -> c <> ':' && c <> '/') >>. skipChar '/')

    /// A word, a colon and what can be no port.
    let private foreign: Grammar.Parser<Endpoint> =
        let isForeign =
            skipMany1Satisfy Char.IsAsciiLetterOrDigit
            >>. skipChar ':'
            >>. skipManySatisfy (fun c -> c <> '@' && c <> '/' && c <> '[')
            >>. skipAnyOf "@/"

        followedBy isForeign
        >>. fun _ -> Reply(FatalError, messageError "a socket begins with inet:, inet6:, local: or unix:, or is a path")

    /// `socket = ( "local:" / "unix:" ) path / ( "inet:" / "inet6:" ) inet / path / host-port`
    let private socket: Grammar.Parser<Endpoint> =
        let named =
            hostPort
            >>= fun place ->
                match place.Port with
                | ValueSome _ -> preturn (HostPort.endpoint 0 place)
                | ValueNone -> fail "a port is missing"

        choice
            [
                scheme "local" >>. path
                scheme "unix" >>. path
                scheme "inet6" >>. portAtHost EndpointFamily.IPv6
                scheme "inet" >>. portAtHost EndpointFamily.IPv4
                isPath >>. path
                foreign
                named
            ]

    /// The endpoint of a milter; the error has the position.
    let parse (text: string) : Result<Endpoint, string> =
        if text = "" then
            ofReason "empty"
        else
            Grammar.parseAll socket text

    /// The endpoint of an SMTP server: `HOST:PORT`, `[IPv6]:PORT` or a host alone; the error has the position.
    let parseHostPort (text: string) : Result<HostPort, string> =
        if text = "" then
            ofReason "empty"
        else
            Grammar.parseAll hostPort text

    /// A host alone, `*` and nothing being every address of the machine; the error has the position.
    let parseHost (text: string) : Result<string, string> =
        Grammar.parseAll (bracketed <|> (hasTwoColons >>. ipv6) <|> name <|> anyHost) text
