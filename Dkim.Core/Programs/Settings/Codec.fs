/// How single values of settings are written, the same in every program.
namespace Dkim.Core.Programs.Settings

open System
open System.Globalization
open System.Net
open Dkim.Core.Words
open Dkim.Core.Dns

/// How one value is written: `Shape` names it in help, `Parse` gives the reason of a refusal, `Show` writes it back.
type Codec<'v> =
    {
        Shape: string
        Parse: string -> Result<'v, string>
        Show: 'v -> string
    }

module Codec =
    let text shape : Codec<string> =
        {
            Shape = shape
            Parse = fun text -> if text = "" then Error "empty" else Ok text
            Show = id
        }

    let private yes = [ "1"; "yes"; "true"; "on"; "y"; "t" ]
    let private no = [ "0"; "no"; "false"; "off"; "n"; "f" ]

    /// True for a word that a flag may be given, so that `--daemonize 1` does not leave `1` as an operand.
    let isFlagWord (text: string) =
        let word = text.ToLowerInvariant()
        List.contains word yes || List.contains word no

    let flag: Codec<bool> =
        {
            Shape = "yes|no"
            Parse =
                fun text ->
                    let word = text.ToLowerInvariant()

                    if List.contains word yes then Ok true
                    elif List.contains word no then Ok false
                    else Error "neither yes nor no"
            Show = fun value -> if value then "yes" else "no"
        }

    /// A decimal number from `low` to `high`.
    let number64 shape (low: int64) (high: int64) : Codec<int64> =
        {
            Shape = shape
            Parse =
                fun text ->
                    match Int64.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture) with
                    | true, value when value >= low && value <= high -> Ok value
                    | true, _ -> Error("not between " + string low + " and " + string high)
                    | false, _ -> Error "not a whole number"
            Show = fun value -> value.ToString CultureInfo.InvariantCulture
        }

    /// A codec of values that stand for those of another codec one to one.
    let map (into: 'a -> 'b) (from: 'b -> 'a) (codec: Codec<'a>) : Codec<'b> =
        {
            Shape = codec.Shape
            Parse = codec.Parse >> Result.map into
            Show = from >> codec.Show
        }

    /// A decimal number from `low` to `high`.
    let number shape (low: int) (high: int) : Codec<int> =
        number64 shape (int64 low) (int64 high) |> map int int64

    /// A duration of up to a day, in seconds.
    let seconds: Codec<int> = number "SECONDS" 1 86400

    let private units = [ 'K', 1024L; 'M', 1048576L; 'G', 1073741824L ]

    let private inUnits (text: string) =
        let last =
            if text = "" then
                ' '
            else
                Char.ToUpperInvariant text[text.Length - 1]

        match List.tryFind (fun (letter, _) -> letter = last) units with
        | Some(_, octets) -> text.Substring(0, text.Length - 1), octets
        | None -> text, 1L

    /// A number of octets; `K`, `M` and `G` multiply it by powers of 1,024.
    let octets (low: int64) (high: int64) : Codec<int64> =
        let plain = number64 "OCTETS" low high

        { plain with
            Shape = "OCTETS[K|M|G]"
            Parse =
                fun text ->
                    let digits, unit = inUnits text

                    match Int64.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture) with
                    | true, value when value <= Int64.MaxValue / unit -> plain.Parse(string (value * unit))
                    | _ -> Error "not a number of octets"
        }

    /// Domains between commas, kept as A-labels.
    let domains: Codec<Set<string>> =
        let add (domains: Result<Set<string>, string>) (text: string) =
            match domains, DomainName.tryCreate text with
            | Error reason, _ -> Error reason
            | Ok known, Ok domain -> Ok(known.Add domain.Text)
            | Ok _, Error error -> Error(text + ": " + NameError.describe error)

        {
            Shape = "DOMAIN,..."
            Parse =
                fun text ->
                    text.Split(',', StringSplitOptions.TrimEntries ||| StringSplitOptions.RemoveEmptyEntries)
                    |> Array.fold add (Ok Set.empty)
            Show = String.concat ","
        }

    /// One of a few words, compared without regard to case.
    let choice (words: (string * 'v) list) (show: 'v -> string) : Codec<'v> =
        {
            Shape = String.Join('|', List.map fst words)
            Parse =
                fun text ->
                    words
                    |> List.tryFind (fun (word, _) -> word.Equals(text, StringComparison.OrdinalIgnoreCase))
                    |> function
                        | Some(_, value) -> Ok value
                        | None -> Error("not one of " + String.Join(", ", List.map fst words))
            Show = show
        }

    /// A facility of syslog.conf(5).
    let facility: Codec<Facility> =
        { choice (Facility.all |> List.map (fun facility -> facility.Name, facility)) _.Name with
            Shape = "FACILITY"
        }

    /// A name server: `192.0.2.1`, `192.0.2.1@5353`, `192.0.2.1:5353`, `2001:db8::1@53`, `[2001:db8::1]:53`.
    let server: Codec<IPEndPoint> =
        {
            Shape = "ADDRESS[@PORT]"
            Parse = NameServer.parse
            Show = NameServer.show
        }

    /// Name servers between commas; the reason of a refusal names the one.
    let servers: Codec<IPEndPoint list> =
        let add (text: string) (servers: Result<IPEndPoint list, string>) =
            match servers, NameServer.parse text with
            | Error reason, _ -> Error reason
            | Ok servers, Ok server -> Ok(server :: servers)
            | Ok _, Error reason -> Error(text + ": " + reason)

        {
            Shape = "ADDRESS[@PORT],..."
            Parse =
                fun text ->
                    List.foldBack
                        add
                        (List.ofArray (
                            text.Split(',', StringSplitOptions.TrimEntries ||| StringSplitOptions.RemoveEmptyEntries)
                        ))
                        (Ok [])
            Show = List.map NameServer.show >> String.concat ","
        }

    /// Where a milter waits for its MTA.
    let socket: Codec<Endpoint> =
        {
            Shape = "SOCKET"
            Parse = Endpoint.parse
            Show = string
        }

    /// Where an SMTP server waits or is.
    let hostPort: Codec<HostPort> =
        {
            Shape = "HOST:PORT"
            Parse = Endpoint.parseHostPort
            Show = HostPort.show
        }

    /// A host without a port.
    let host: Codec<string> =
        {
            Shape = "HOST"
            Parse = Endpoint.parseHost
            Show = id
        }

    /// A user and a group.
    let account: Codec<AccountName> =
        {
            Shape = "USER[:GROUP]"
            Parse = AccountName.parse
            Show = AccountName.show
        }

    /// A group.
    let group: Codec<string> =
        {
            Shape = "GROUP"
            Parse = AccountName.parseGroup
            Show = id
        }

    let private resolvers =
        [
            "auto", ResolverKind.Auto
            "dnsclient", ResolverKind.DnsClient
            "unbound", ResolverKind.Unbound
        ]

    let private showResolver kind =
        resolvers
        |> List.tryFind (snd >> (=) kind)
        |> Option.map fst
        |> Option.defaultValue "system"

    /// Which resolver asks the DNS. `system` is taken and not named.
    let resolver: Codec<ResolverKind> =
        let named = choice resolvers showResolver

        { named with
            Parse =
                fun text ->
                    if text.Equals("system", StringComparison.OrdinalIgnoreCase) then
                        Ok ResolverKind.System
                    else
                        named.Parse text
        }

    /// What manuals say of the setting.
    let resolverDetail =
        "auto takes DnsClient. It takes libunbound where trust anchors are given, and where libunbound is installed and a \
         name server is not on this machine: DnsClient does not check from which address an answer comes."
