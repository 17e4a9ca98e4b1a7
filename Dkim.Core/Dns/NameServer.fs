/// Name servers as settings write them, with the port in resolv.conf(5)'s, unbound.conf(5)'s or URL's way.
module Dkim.Core.Dns.NameServer

open System
open System.Net
open System.Net.Sockets
open FParsec
open Dkim.Core.Words

let private portNumber (digits: string) : Result<int, string> =
    match Int32.TryParse digits with
    | true, port when digits.Length <= 5 && port > 0 && port <= 65535 -> Result.Ok port
    | _ -> Result.Error "a port is a number from 1 to 65535"

/// `port = 1*5DIGIT`, from 1 to 65535
let private port: Grammar.Parser<int> =
    many1SatisfyL Char.IsAsciiDigit "a port, which is a number from 1 to 65535"
    |> Grammar.checkedBy portNumber

let private address family word (text: string) : Result<IPAddress, string> =
    match IPAddress.TryParse text with
    | true, NonNull address when address.AddressFamily = family -> Result.Ok address
    | _ -> Result.Error("no " + word + " address")

let private isV6Char c =
    Char.IsAsciiLetterOrDigit c || c = ':' || c = '.' || c = '%'

let private v6: Grammar.Parser<IPAddress> =
    many1SatisfyL isV6Char "an IPv6 address"
    |> Grammar.checkedBy (address AddressFamily.InterNetworkV6 "IPv6")

let private isDotted (text: string) = text.Split '.' |> Array.length = 4

let private v4: Grammar.Parser<IPAddress> =
    let whole text =
        if isDotted text then
            address AddressFamily.InterNetwork "IPv4" text
        else
            Result.Error "no address; a name server has no name here"

    many1SatisfyL (fun c -> Char.IsLetterOrDigit c || c = '.' || c = '-' || c = '_') "an address"
    |> Grammar.checkedBy whole

let private hasTwoColons: Grammar.Parser<unit> =
    let beforeColon = skipManySatisfy ((<>) ':') >>. skipChar ':'
    followedBy (beforeColon >>. beforeColon)

let private server (address: IPAddress) (port: int option) =
    IPEndPoint(address, Option.defaultValue ResolverLimits.Port port)

/// `server = "[" ipv6 "]" [ ":" port ] / ipv6 [ "@" port ] / ipv4 [ ( "@" / ":" ) port ]`
let private grammar: Grammar.Parser<IPEndPoint> =
    let at = skipChar '@' >>. port
    let colon = skipChar ':' >>. port
    let bracketed = between (skipChar '[') (skipChar ']') v6

    choice
        [
            pipe2 bracketed (opt colon) server
            hasTwoColons >>. pipe2 v6 (opt at) server
            pipe2 v4 (opt (at <|> colon)) server
        ]

/// A name server: `192.0.2.1`, `192.0.2.1@5353`, `192.0.2.1:5353`, `2001:db8::1@53`, `[2001:db8::1]:53`. The error has
/// the position.
let parse (text: string) : Result<IPEndPoint, string> =
    if text = "" then
        Result.Error "empty"
    else
        Grammar.parseAll grammar text

/// As settings may write it.
let show (server: IPEndPoint) : string =
    let address = server.Address.ToString()

    if server.Port = ResolverLimits.Port then
        address
    else
        address + "@" + string server.Port
