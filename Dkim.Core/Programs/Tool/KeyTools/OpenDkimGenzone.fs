/// `opendkim-genzone`: the public keys of a KeyTable as records of a zone, or as a script for nsupdate(1)
/// (opendkim-genzone(8)).
module internal Dkim.Core.Programs.Tool.KeyTools.OpenDkimGenzone

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
                [ "opendkim-genzone -u -F -t 3600 -d example.com /etc/opendkim/KeyTable | nsupdate -l" ]
            ]
        SeeAlso = [ "opendkim", 8; "opendkim.conf", 5; "opendkim-genkey", 8 ]
    }

/// One key to write.
type private PublicKey =
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

    Publication.opendkimZone
        (recordName settings key + ValueOption.defaultValue "" ttl)
        (recordText settings key)

let private updates (settings: Settings) (keys: PublicKey list) =
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
    let contact =
        settings.Contact |> ValueOption.defaultValue ("hostmaster." + server)

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

let private zone (settings: Settings) (clock: int64<sec>) (keys: PublicKey list) =
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
        | names -> (names |> List.map (fun name -> "\tIN\tNS\t" + name + "\n") |> String.concat "") + "\n"

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

let private isWanted (settings: Settings) (domain: string) =
    match settings.Domain with
    | ValueNone -> true
    | ValueSome wanted ->
        domain.Equals(wanted, StringComparison.OrdinalIgnoreCase)
        || (settings.WithSubdomains
            && domain.EndsWith("." + wanted, StringComparison.OrdinalIgnoreCase))

let private told (settings: Settings) line : Command<unit> =
    if settings.Verbose then
        complain (Name + ": " + line)
    else
        fun rest -> rest ()

// A key for every domain has a name only where one domain is asked for.
let private domainOf (settings: Settings) (row: KeyRow) =
    match row.Domain, settings.Domain with
    | "%", ValueSome domain -> domain
    | domain, _ -> domain

let private publicKeys (settings: Settings) (rows: KeyTableRows.NamedRow list) : Command<PublicKey list> =
    let rec next number (rows: KeyTableRows.NamedRow list) found =
        command {
            match rows with
            | [] -> return List.rev found
            | row :: rest ->
                match row.Row with
                | ValueNone -> return! fail ExitCode.Bad (Name + ": KeyTable entry for '" + row.Name + "' corrupt")
                | ValueSome parsed when not (isWanted settings (domainOf settings parsed)) ->
                    do! told settings ("record " + string number + " for '" + row.Name + "' skipped")
                    return! next (number + 1) rest found
                | ValueSome parsed when (settings.FullNames || settings.Update) && domainOf settings parsed = "%" ->
                    return!
                        fail
                            ExitCode.Bad
                            (Name + ": key '" + row.Name + "' is for any domain; name one with -d to write its full name")
                | ValueSome parsed ->
                    let domain = domainOf settings parsed
                    let! key = KeyTableRows.key parsed domain

                    match key with
                    | Error reason ->
                        do! complain (Name + ": " + reason)
                        return! fail ExitCode.Bad (Name + ": key for '" + row.Name + "' load failed")
                    | Ok key ->
                        let one =
                            {
                                Domain = domain
                                Selector = parsed.Selector
                                Key = key
                            }

                        return! next (number + 1) rest (one :: found)
        }

    next 0 rows []

/// The KeyTable of the configuration file; every other setting in it is another program's.
let private keyTableRow: Setting<Settings> list =
    [
        Setting.optional "KeyTable" (Codec.text "DATASET") _.KeyTable (fun v s -> { s with KeyTable = v })
        |> Setting.spelled [ Spelling.Key "KeyTable" ]
    ]

let private configured (settings: Settings) : Command<string> =
    command {
        let path =
            ValueOption.defaultValue "/etc/opendkim.conf" settings.ConfigurationFile

        let! file = settle (SettingsFile.read KeyAndLine keyTableRow path)

        match file.Problems |> List.tryFind (fun problem -> problem.Fault <> UnknownName) with
        | Some problem -> return! fail SysExit.Configuration (Name + ": " + Problem.describe problem)
        | None ->
            match (fst (Settings.apply [ file.Given ] settings)).KeyTable with
            | ValueSome table -> return table
            | ValueNone ->
                return! fail SysExit.Usage (Name + ": no data set is given, and " + path + " has no KeyTable")
    }

let private write (settings: Settings) (text: string) : Command<unit> =
    match settings.OutputFile with
    | ValueNone -> print text
    | ValueSome path ->
        command {
            let! obstacle =
                create
                    {
                        Path = path
                        Contents = ReadOnlyMemory(Octets.ofLatin1 text)
                        Secret = false
                    }

            match obstacle with
            | ValueSome reason -> return! fail ExitCode.Bad (Name + ": " + path + ": " + reason)
            | ValueNone -> return ()
        }

let private make (settings: Settings) (operands: string list) (clock: int64<sec>) : Command<int> =
    command {
        let! dataSet =
            match operands with
            | dataSet :: _ -> fun rest -> rest dataSet
            | [] -> configured settings

        let! table = KeyTableRows.table Name dataSet
        do! told settings "database opened"
        let! keys = publicKeys settings (KeyTableRows.rows table)

        do!
            write
                settings
                (if settings.Update then
                     updates settings keys
                 else
                     zone settings clock keys)

        do! told settings (string keys.Length + " records written")
        return ExitCode.Success
    }

let private contradiction (settings: Settings) (operands: string list) : string voption =
    match operands with
    | _ :: _ :: _ -> ValueSome "one data set at a time"
    | _ when settings.WithSubdomains && settings.Domain.IsNone -> ValueSome "subdomain matching requires a domain"
    | _ when settings.Authority && settings.NameServers.IsEmpty ->
        ValueSome "an SOA record names a server: give it with -N"
    | _ -> ValueNone

/// `clock` is the time, since 1970.
let run (arguments: string list) (clock: int64<sec>) : Command<int> =
    let line = CommandLine.parse Gnu table arguments
    let settings, problems = Settings.apply [ line.Given ] defaults

    command {
        match line.Problems @ problems, contradiction settings line.Operands with
        | _ when settings.Help ->
            do! print (Manual.help text table defaults)
            return ExitCode.Success
        | _ when settings.Version -> return! version Name
        | [], ValueNone -> return! make settings line.Operands clock
        | [], ValueSome reason -> return! fail SysExit.Usage (Name + ": " + reason)
        | problems, _ ->
            do! iter (fun problem -> complain (Name + ": " + Problem.describe problem)) problems
            return SysExit.Usage
    }
