/// The engine of every program's settings: a program describes each setting once, as a row of a table, and the rows
/// make its command line, its configuration file, its environment, its help and its manual page.
namespace Dkim.Core.Programs.Settings

open System
open System.Globalization
open System.Net
open Dkim.Core.Words
open Dkim.Core.Dns
open Dkim.Core.Records

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

    /// The facilities of syslog.conf(5).
    let facilities =
        [ "auth"; "authpriv"; "cron"; "daemon"; "ftp"; "kern"; "lpr"; "mail" ]
        @ [ "news"; "security"; "syslog"; "user"; "uucp" ]
        @ [ for number in 0..7 -> "local" + string number ]

    let facility: Codec<string> =
        { choice (facilities |> List.map (fun name -> name, name)) id with
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

/// Where a setting can be written, and under which name.
[<RequireQualifiedAccess>]
type Spelling =
    /// An option of a word, without its hyphens.
    | Word of string
    /// An option of one letter.
    | Letter of char
    /// A key of the configuration file.
    | Key of string
    /// A variable of the environment.
    | Variable of string

/// How often a setting may be given, and whether a value must follow its name.
[<RequireQualifiedAccess>]
type Arity =
    | Flag
    | Once
    | Repeated

/// One setting of a program. `Read` of each of `Show s`, begun at `Clear`, restores the setting's part of `s`.
type Setting<'s> =
    {
        Name: string
        Spellings: Spelling list
        Arity: Arity
        /// What a value looks like.
        Shape: string
        Read: string -> 's -> Result<'s, string>
        /// As many values as it has: none when it is not set.
        Show: 's -> string list
        /// Forgets every value.
        Clear: 's -> 's
        /// Taken for the sake of old configurations: it changes nothing.
        Inert: bool
        /// What may have been meant by a value that is refused, where that can be guessed.
        Mend: string -> string voption
        /// The heading under which help and manual list it.
        Group: string
        Summary: string
        /// Further sentences for the manual page.
        Detail: string
        /// The document that defines it.
        Source: string
    }

module Setting =
    let private row name arity shape read show clear =
        {
            Name = name
            Spellings = [ Spelling.Word name; Spelling.Key name ]
            Arity = arity
            Shape = shape
            Read = read
            Show = show
            Clear = clear
            Inert = false
            Mend = fun _ -> ValueNone
            Group = ""
            Summary = ""
            Detail = ""
            Source = ""
        }

    /// A setting that always has a value.
    let make name (codec: Codec<'v>) (get: 's -> 'v) (put: 'v -> 's -> 's) =
        let read text state =
            codec.Parse text |> Result.map (fun value -> put value state)

        row name Arity.Once codec.Shape read (get >> codec.Show >> List.singleton) id

    /// A setting that is on or off; its name alone turns it on.
    let flag name (get: 's -> bool) (put: bool -> 's -> 's) =
        { make name Codec.flag get put with
            Arity = Arity.Flag
        }

    /// A setting that may be absent.
    let optional name (codec: Codec<'v>) (get: 's -> 'v voption) (put: 'v voption -> 's -> 's) =
        let read text state =
            codec.Parse text |> Result.map (fun value -> put (ValueSome value) state)

        let show state =
            match get state with
            | ValueSome value -> [ codec.Show value ]
            | ValueNone -> []

        row name Arity.Once codec.Shape read show (put ValueNone)

    /// A setting that may be given again and again; the values stand in the order in which they were given.
    let repeated name (codec: Codec<'v>) (get: 's -> 'v list) (put: 'v list -> 's -> 's) =
        let read text state =
            codec.Parse text |> Result.map (fun value -> put (get state @ [ value ]) state)

        row name Arity.Repeated codec.Shape read (get >> List.map codec.Show) (put [])

    /// A name that is taken, with its value, and changes nothing: `why` says so in the manual.
    let inert name arity shape why =
        { row name arity shape (fun _ state -> Ok state) (fun _ -> []) id with
            Inert = true
            Summary = "accepted without effect"
            Detail = why
        }

    /// Further names, on the command line and in the file.
    let also names setting =
        let more =
            names |> List.collect (fun name -> [ Spelling.Word name; Spelling.Key name ])

        { setting with
            Spellings = setting.Spellings @ more
        }

    /// Exactly these spellings.
    let spelled spellings setting = { setting with Spellings = spellings }

    /// What the setting is for, in a few words.
    let says text setting = { setting with Summary = text }

    /// Further sentences for the manual page.
    let detail text setting = { setting with Detail = text }

    /// How a value that is refused may have been meant.
    let mends guess setting = { setting with Mend = guess }

    /// Rows that share a heading and the document that defines them.
    let group heading source settings =
        settings
        |> List.map (fun setting ->
            { setting with
                Group = heading
                Source = source
            })

    /// A row of a part, as a row of the whole.
    let within (get: 'whole -> 'part) (put: 'part -> 'whole -> 'whole) (setting: Setting<'part>) : Setting<'whole> =
        {
            Name = setting.Name
            Spellings = setting.Spellings
            Arity = setting.Arity
            Shape = setting.Shape
            Read = fun text whole -> setting.Read text (get whole) |> Result.map (fun part -> put part whole)
            Show = get >> setting.Show
            Clear = fun whole -> put (setting.Clear(get whole)) whole
            Inert = setting.Inert
            Mend = setting.Mend
            Group = setting.Group
            Summary = setting.Summary
            Detail = setting.Detail
            Source = setting.Source
        }
