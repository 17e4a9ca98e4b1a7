/// `dkim-testkey`: opendkim-testkey(8) under the name that dkim-milter gave it.
module internal Dkim.Core.Programs.Tool.KeyTools.DkimTestkey

open Dkim.Core.Words
open Dkim.Core.Dns
open Dkim.Core.Asking
open Dkim.Core.Cryptography
open Dkim.Core.Signatures
open Dkim.Core.KeyCheck
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Tool.Running.Command
open Dkim.Core.Programs.Tool.Judging
open Dkim.Core.Programs.Running
open Dkim.Core.Programs.Tool.Running
open Dkim.Core.Programs.Tool.Commands

[<Literal>]
let Name = "dkim-testkey"

/// Settings of dkim-testkey.
type Settings =
    {
        Domain: DomainName voption
        KeyFile: string voption
        Selector: Selector voption
        Verbosity: int
        ConfigurationFile: string voption
        /// Of opendkim-testkey: the data set of keys to go through.
        KeyTable: string voption
        Zone: string voption
        Resolver: ToolResolver
        Help: bool
        Version: bool
    }

let defaults =
    {
        Domain = ValueNone
        KeyFile = ValueNone
        Selector = ValueNone
        Verbosity = 0
        ConfigurationFile = ValueNone
        KeyTable = ValueNone
        Zone = ValueNone
        Resolver = ToolSettings.defaults.Resolver
        Help = false
        Version = false
    }

/// A flag that is counted.
let private counted: Setting<Settings> =
    { Setting.flag "verbose" (fun s -> s.Verbosity > 0) (fun _ s -> s) with
        Read =
            fun _ state ->
                Ok
                    { state with
                        Verbosity = state.Verbosity + 1
                    }
        Show = fun state -> List.replicate state.Verbosity "yes"
        Clear = fun state -> { state with Verbosity = 0 }
    }

let private original: Setting<Settings> list =
    [
        Setting.optional "Domain" ToolTable.domainCodec _.Domain (fun v s -> { s with Domain = v })
        |> Setting.spelled [ Spelling.Letter 'd'; Spelling.Key "Domain" ]
        |> Setting.says "the domain of the key"
        Setting.optional "KeyFile" (Codec.text "FILE") _.KeyFile (fun v s -> { s with KeyFile = v })
        |> Setting.spelled [ Spelling.Letter 'k'; Spelling.Key "KeyFile" ]
        |> Setting.says "the private key to compare the record with"
        Setting.optional "Selector" ToolTable.selectorCodec _.Selector (fun v s -> { s with Selector = v })
        |> Setting.spelled [ Spelling.Letter 's'; Spelling.Key "Selector" ]
        |> Setting.says "the selector of the key"
        counted
        |> Setting.spelled [ Spelling.Letter 'v' ]
        |> Setting.says "say more; may be given up to three times"
        Setting.optional "conffile" (Codec.text "FILE") _.ConfigurationFile (fun v s ->
            { s with ConfigurationFile = v })
        |> Setting.spelled [ Spelling.Letter 'x' ]
        |> Setting.says "a configuration file with Domain, KeyFile and Selector; its other settings are passed over"
    ]
    |> Setting.group "key" "opendkim-testkey(8)"

let private added: Setting<Settings> list =
    [
        Setting.optional "zone" (Codec.text "FILE") _.Zone (fun v s -> { s with Zone = v })
        |> Setting.spelled [ Spelling.Word "zone" ]
        |> Setting.says "a JSON file of TXT records in place of the DNS"
        Setting.optional "nameserver" Codec.server _.Resolver.Nameserver (fun v s ->
            { s with
                Resolver = { s.Resolver with Nameserver = v }
            })
        |> Setting.spelled [ Spelling.Word "nameserver" ]
        |> Setting.says "ask this server, not those of resolv.conf"
        Setting.flag "help" _.Help (fun v s -> { s with Help = v })
        |> Setting.spelled [ Spelling.Word "help" ]
        |> Setting.says "print this text and exit"
        Setting.flag "version" _.Version (fun v s -> { s with Version = v })
        |> Setting.spelled [ Spelling.Word "version" ]
        |> Setting.says BuildFacts.Summary
    ]
    |> Setting.group "dns" "new"

let table = original @ added

let text: ProgramText =
    {
        Name = Name
        Section = 8
        OneLine = "check a published key against the private key"
        Command = ""
        Operands = ""
        Description =
            [
                "Looks up the record of a key and reports what is wrong with it; with -k also whether it is the record of \
                 that private key. Without -v nothing is printed when all is well."
            ]
        Exits =
            [
                0, "The key is good."
                65, "It is not that of the private key."
                69, "It cannot be used, or could not be looked up."
                71, "The private key could not be read."
                78, "The settings are incomplete or wrong."
            ]
        Examples =
            [
                "Does the published key fit the file?",
                [ "dkim-testkey -d example.com -s mail -k /etc/mail/dkim/mail.private -vvv" ]
            ]
        SeeAlso = [ "dkim", 1; "dkim-genkey", 8 ]
    }

/// What a configuration file says of these settings; every other setting in it is another program's.
let configured (program: string) style (rows: Setting<Settings> list) (path: string) : Command<Given<Settings> list> =
    command {
        let! file = settle (SettingsFile.read style rows path)

        match file.Problems |> List.tryFind (fun problem -> problem.Fault <> UnknownName) with
        | Some problem -> return! fail SysExit.Configuration (program + ": " + Problem.describe problem)
        | None -> return file.Given
    }

let private loadKey (program: string) (settings: Settings) : Command<SigningKey voption> =
    command {
        match settings.KeyFile with
        | ValueNone -> return ValueNone
        | ValueSome path ->
            let! key = PrivateKeys.load ValueNone path
            let! key = key |> orFail 71 (fun reason -> program + ": " + path + ": " + reason)

            if settings.Verbosity > 1 then
                do! complain (program + ": key loaded from " + path)

            return ValueSome key
    }

/// What is wrong with a key, in the words of the original where it has some.
let ofFinding (name: string) (found: KeyFinding) : string =
    match found.Mistake with
    | KeyMistake.NotPublished -> "'" + name + "' record not found"
    | KeyMistake.Revoked -> "Revoked key"
    | _ -> "'" + name + "' " + found.Says

/// The verdict goes to standard output, all else to standard error, as the original has it.
let private report (program: string) (settings: Settings) (tested: Testkey.Tested) : Command<int> =
    let isOtherKey =
        tested.Findings
        |> List.exists (fun found -> found.Mistake = KeyMistake.OtherKey)

    command {
        if settings.Verbosity > 0 && (tested.IsGood || isOtherKey) then
            let secure = tested.Answer.Security = Security.Secure
            do! complain (program + ": key " + (if secure then "secure" else "not secure"))

        let shown =
            tested.Findings
            |> List.filter (fun found ->
                found.Mistake <> KeyMistake.OtherKey
                && (not found.IsAdvice || settings.Verbosity > 1))

        do! iter (fun found -> complain (program + ": " + ofFinding tested.Name found)) shown

        if isOtherKey then
            do! print (program + ": keys do not match\n")
            return SysExit.DataError
        elif not tested.IsGood then
            return SysExit.Unavailable
        else
            if settings.Verbosity > 2 then
                do! print (program + ": key OK\n")

            return ExitCode.Success
    }

/// Where records come from.
let source (settings: Settings) : Command<Keys.KeySource> =
    Keys.keySource
        { ToolSettings.defaults with
            Zone = settings.Zone
            Resolver = settings.Resolver
        }

/// Tests one key.
let check (program: string) (settings: Settings) (selector: Selector) (domain: DomainName) : Command<int> =
    command {
        let! key = loadKey program settings

        let test =
            {
                Selector = selector
                Domain = domain
                Private = key
                LeastRsaBits = VerifyPolicy.defaults.MinimumRsaBits
            }

        if settings.Verbosity > 1 then
            do! complain (program + ": checking key '" + test.Name + "'")

        let! source = source settings
        let! tested = Testkey.test source test
        return! report program settings tested
    }

let usage (program: string) =
    "usage: " + program + " -d domain -s selector [-k keypath] [-v] [-x conffile]"

/// Reads the command line of the program under one of its names, and goes on with what is set, or says what is wrong.
let begin' (program: ProgramText) (go: Settings -> Given<Settings> list -> Command<int>) (arguments: string list) =
    let line = CommandLine.parse Gnu table arguments
    let first, problems = Settings.apply [ line.Given ] defaults

    command {
        match line.Problems @ problems with
        | _ when first.Help ->
            do! print (Manual.help program table defaults)
            return ExitCode.Success
        | _ when first.Version -> return! version program.Name
        | problem :: _ ->
            do! complain (program.Name + ": " + Problem.describe problem)
            return! fail SysExit.Configuration (program.Name + ": " + usage program.Name)
        | [] -> return! go first line.Given
    }

let private checkOne (first: Settings) (given: Given<Settings> list) : Command<int> =
    command {
        let! fromFile =
            match first.ConfigurationFile with
            | ValueSome path -> configured Name KeyAndToken table path
            | ValueNone -> fun rest -> rest []

        let settings, problems = Settings.apply [ fromFile; given ] defaults

        match problems, settings.Selector, settings.Domain with
        | [], ValueSome selector, ValueSome domain -> return! check Name settings selector domain
        | problem :: _, _, _ -> return! fail SysExit.Configuration (Name + ": " + Problem.describe problem)
        | [], _, _ -> return! fail SysExit.Configuration (Name + ": " + usage Name)
    }

let run (arguments: string list) : Command<int> = begin' text checkOne arguments
