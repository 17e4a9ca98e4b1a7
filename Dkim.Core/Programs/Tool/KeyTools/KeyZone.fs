/// The options of opendkim-genzone(8), and the zone that they make of public keys.
module internal Dkim.Core.Programs.Tool.KeyTools.KeyZone

open System
open System.Globalization
open Dkim.Core.Words
open Dkim.Core.Records
open Dkim.Core.Cryptography
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Running
open Dkim.Core.Programs.Filters.OpenDkim
open Dkim.Core.Programs.Tool.Running
open Dkim.Core.Programs.Tool.Running.Command

[<Literal>]
let Name = "opendkim-genzone"

/// Its settings. Times are in seconds.
type Settings =
    {
        Contact: string voption
        Domain: string voption
        WithSubdomains: bool
        KeyNames: bool
        FullNames: bool
        MailOnly: bool
        Expire: int
        Refresh: int
        Retry: int
        DefaultTtl: int
        Ttl: int voption
        NameServers: string list
        OutputFile: string voption
        Authority: bool
        Update: bool
        Verbose: bool
        ConfigurationFile: string voption
        KeyTable: string voption
        Help: bool
        Version: bool
    }

let defaults =
    {
        Contact = ValueNone
        Domain = ValueNone
        WithSubdomains = false
        KeyNames = false
        FullNames = false
        MailOnly = false
        Expire = 604800
        Refresh = 10800
        Retry = 1800
        DefaultTtl = 86400
        Ttl = ValueNone
        NameServers = []
        OutputFile = ValueNone
        Authority = false
        Update = false
        Verbose = false
        ConfigurationFile = ValueNone
        KeyTable = ValueNone
        Help = false
        Version = false
    }

let private seconds = Codec.number "SECS" 0 Int32.MaxValue

let private nameServers: Codec<string list> =
    {
        Shape = "NS[,NS...]"
        Parse = Pattern.items >> Ok
        Show = fun names -> String.Join(',', names)
    }

let private spelled (letter: char) (setting: Setting<Settings>) =
    Setting.spelled [ Spelling.Letter letter ] setting

let private original: Setting<Settings> list =
    [
        Setting.optional "contact" (Codec.text "USER@HOST") _.Contact (fun v s -> { s with Contact = v })
        |> spelled 'C'
        |> Setting.says "the contact in the SOA record (default: hostmaster of the first name server's domain)"
        Setting.optional "domain" (Codec.text "DOMAIN") _.Domain (fun v s -> { s with Domain = v })
        |> spelled 'd'
        |> Setting.says "only the keys of this domain"
        Setting.flag "keynames" _.KeyNames (fun v s -> { s with KeyNames = v })
        |> spelled 'D'
        |> Setting.says "write ._domainkey behind selectors"
        Setting.make "expire" seconds _.Expire (fun v s -> { s with Expire = v })
        |> spelled 'E'
        |> Setting.says "the expiration time in the SOA record"
        Setting.flag "fullnames" _.FullNames (fun v s -> { s with FullNames = v })
        |> spelled 'F'
        |> Setting.says "write ._domainkey and the domain behind selectors"
        Setting.flag "mailonly" _.MailOnly (fun v s -> { s with MailOnly = v })
        |> spelled 'M'
        |> Setting.says "let the keys serve mail only: s=email"
        Setting.make "nameservers" nameServers _.NameServers (fun v s -> { s with NameServers = v })
        |> spelled 'N'
        |> Setting.says "write NS records of these name servers"
        Setting.optional "output" (Codec.text "FILE") _.OutputFile (fun v s -> { s with OutputFile = v })
        |> spelled 'o'
        |> Setting.says "write to a new file"
        Setting.make "refresh" seconds _.Refresh (fun v s -> { s with Refresh = v })
        |> spelled 'r'
        |> Setting.says "the refresh time in the SOA record"
        Setting.make "retry" seconds _.Retry (fun v s -> { s with Retry = v })
        |> spelled 'R'
        |> Setting.says "the retry time in the SOA record"
        Setting.flag "subdomains" _.WithSubdomains (fun v s -> { s with WithSubdomains = v })
        |> spelled 's'
        |> Setting.says "with -d, the keys of its subdomains, too"
        Setting.flag "authority" _.Authority (fun v s -> { s with Authority = v })
        |> spelled 'S'
        |> Setting.says "write an SOA record, for which -N names the server"
        Setting.optional "ttl" seconds _.Ttl (fun v s -> { s with Ttl = v })
        |> spelled 't'
        |> Setting.says "the time to live of every record"
        Setting.make "defaultttl" seconds _.DefaultTtl (fun v s -> { s with DefaultTtl = v })
        |> spelled 'T'
        |> Setting.says "the default time to live in the SOA record"
        Setting.flag "update" _.Update (fun v s -> { s with Update = v })
        |> spelled 'u'
        |> Setting.says "write a script for nsupdate(1)"
        Setting.flag "verbose" _.Verbose (fun v s -> { s with Verbose = v })
        |> spelled 'v'
        |> Setting.says "say what is done"
        Setting.optional "conffile" (Codec.text "FILE") _.ConfigurationFile (fun v s ->
            { s with ConfigurationFile = v })
        |> spelled 'x'
        |> Setting.says "the configuration file whose KeyTable counts where none is given (default: /etc/opendkim.conf)"
    ]
    |> Setting.group "zone" "opendkim-genzone(8)"

let private added: Setting<Settings> list =
    [
        Setting.flag "help" _.Help (fun v s -> { s with Help = v })
        |> Setting.spelled [ Spelling.Word "help" ]
        |> Setting.says "print this text and exit"
        Setting.flag "version" _.Version (fun v s -> { s with Version = v })
        |> Setting.spelled [ Spelling.Word "version" ]
        |> Setting.says BuildFacts.Summary
    ]
    |> Setting.group "other" "new"

let table = original @ added

let text: ProgramText =
    {
        Name = Name
        Section = 8
        OneLine = "write the public keys of a KeyTable for a name server"
        Command = ""
        Operands = "[DATASET]"
        Description =
            [
                "Goes through a KeyTable, given as DATASET or by the configuration file, and writes a TXT record for each key. \
                 A selector stands alone, to be included below _domainkey of the zone, unless -D or -F says otherwise."
            ]
        Exits =
            [
                0, "All keys were written."
                1, "The table or a key cannot be read, or a row is broken."
                64, "The command line is wrong."
                78, "The configuration file cannot be read."
            ]
        Examples =
            [
                "The keys of one domain, with full names:",
                [ "opendkim-genzone -F -d example.com refile:/etc/opendkim/KeyTable" ]
                "The same for a name server that takes updates:",
                [
                    "opendkim-genzone -u -F -t 3600 -d example.com /etc/opendkim/KeyTable | nsupdate -l"
                ]
            ]
        SeeAlso = [ "opendkim", 8; "opendkim.conf", 5; "opendkim-genkey", 8 ]
    }

/// One key to write.
type PublicKey =
    {
        Domain: string
        Selector: string
        Key: SigningKey
    }

let private recordName (settings: Settings) (key: PublicKey) =
    if settings.FullNames then
        key.Selector + "._domainkey." + key.Domain + "."
    elif settings.KeyNames then
        key.Selector + "._domainkey"
    else
        key.Selector

// Semicolons begin comments of zone files, so the original escapes them, in quotes as well.
let private recordText (settings: Settings) (key: PublicKey) =
    "v=DKIM1\\;k="
    + Algorithms.keyTypes.Name key.Key.KeyType
    + "\\;"
    + (if settings.MailOnly then "s=email\\;" else "")
    + "p="
    + Convert.ToBase64String key.Key.KeyData

let private zoneRecord (settings: Settings) (key: PublicKey) =
    let ttl = settings.Ttl |> ValueOption.map (fun ttl -> "\t" + string ttl)

    Publication.opendkimZone (recordName settings key + ValueOption.defaultValue "" ttl) (recordText settings key)

/// A script for nsupdate(1).
let updates (settings: Settings) (keys: PublicKey list) =
    let ttl = ValueOption.defaultValue 86400 settings.Ttl

    let update (key: PublicKey) =
        "zone "
        + key.Domain
        + "\nupdate add "
        + recordName settings key
        + " "
        + string ttl
        + " TXT \""
        + recordText settings key
        + "\"\n"

    let server =
        match settings.NameServers with
        | name :: _ -> "server " + name + "\n"
        | [] -> ""

    server + (keys |> List.map update |> String.concat "") + "send\nanswer\n"

let private authority (settings: Settings) (server: string) (now: DateTime) =
    let contact = settings.Contact |> ValueOption.defaultValue ("hostmaster." + server)

    let line (value: string) comment =
        "\t" + value.PadRight 13 + "; " + comment + "\n"

    "@\tIN\tSOA\t"
    + server
    + "\t"
    + contact.Replace('@', '.')
    + "\t (\n"
    + line (now.ToString("yyyyMMddHH", CultureInfo.InvariantCulture)) "Serial (yyyymmddhh)"
    + line (string settings.Refresh) "Refresh"
    + line (string settings.Retry) "Retry"
    + line (string settings.Expire) "Expire"
    + line ((string settings.DefaultTtl).PadRight 11 + ")") "Default"
    + "\n"

/// Lines for a zone file. `clock` is the time, since 1970.
let zone (settings: Settings) (clock: int64<sec>) (keys: PublicKey list) =
    let now = DateTimeOffset.FromUnixTimeSeconds(int64 clock).UtcDateTime

    let restriction =
        settings.Domain
        |> ValueOption.map (fun domain -> "; for " + domain + "\n")
        |> ValueOption.defaultValue ""

    let soa =
        match settings.Authority, settings.NameServers with
        | true, server :: _ -> authority settings server now
        | _ -> ""

    let servers =
        match settings.NameServers with
        | [] -> ""
        | names ->
            (names |> List.map (fun name -> "\tIN\tNS\t" + name + "\n") |> String.concat "")
            + "\n"

    "; DKIM public key zone data\n"
    + restriction
    + "; auto-generated by "
    + Name
    + " at "
    + now.ToString("ddd MMM d HH:mm:ss yyyy", CultureInfo.InvariantCulture)
    + "\n\n"
    + soa
    + servers
    + (keys |> List.map (zoneRecord settings) |> String.concat "")
