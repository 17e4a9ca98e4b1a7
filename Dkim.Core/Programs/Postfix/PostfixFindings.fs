/// What can be found in a configuration of Postfix, and what is known of our filters beside it.
namespace Dkim.Core.Programs.Postfix

open Dkim.Core.Programs.Settings

/// How much a finding matters.
[<Struct; RequireQualifiedAccess>]
type internal PostfixSeverity =
    /// Mail is signed, left unsigned or broken against what the configuration is for.
    | Warning
    /// It may be meant.
    | Note

/// One thing that stands in the way of signing or verifying.
type internal PostfixFinding =
    {
        Severity: PostfixSeverity
        /// A short name that stays the same from version to version.
        Name: string
        Place: PostfixPlace
        /// The service of master.cf; nothing in main.cf.
        Service: string voption
        /// The parameter and its value as it is written.
        Setting: string
        Says: string
        /// The line to write in the place of it, or below the service.
        Write: string
        /// The document and its section.
        See: string
    }

/// What is known of the filters that Postfix has as milters.
type internal PostfixFilters =
    {
        /// The socket of dkim-filter; nothing where any milter may be it.
        Socket: Endpoint voption
        /// The socket of dk-filter, where it is named.
        DkSocket: Endpoint voption
        /// It signs, and not only verifies.
        Signs: bool
        /// Mail of 127.0.0.1 is our own.
        SignsLoopback: bool
        /// MTA: the names of entrances whose mail is our own.
        Mta: string list
        /// Signatures survive another white space after the colon of a field.
        IsRelaxed: bool
    }

/// A configuration and the filters beside it.
type internal PostfixSite =
    {
        Setup: PostfixSetup
        Filters: PostfixFilters
    }

module internal PostfixSite =
    /// Nothing is known of the filters: any milter may be one that signs.
    let anyFilter: PostfixFilters =
        {
            Socket = ValueNone
            DkSocket = ValueNone
            Signs = true
            SignsLoopback = true
            Mta = []
            IsRelaxed = false
        }

    /// Whether a milter may be one of ours.
    let isOurs (site: PostfixSite) (milter: PostfixValues.Milter) : bool =
        let isAt socket =
            PostfixSetup.isSocket site.Setup socket milter.Endpoint

        match site.Filters.Socket, site.Filters.DkSocket with
        | ValueNone, _ -> true
        | ValueSome socket, ValueNone -> isAt socket
        | ValueSome socket, ValueSome other -> isAt socket || isAt other

    let hasWord (word: string) (value: PostfixValue) : bool =
        PostfixValues.items value.Text |> List.contains word

    /// The milters that see the mail of an entrance, with the parameter that names them.
    let milters (site: PostfixSite) (service: PostfixService) : struct (PostfixValue * PostfixValues.Milter list) =
        let value = PostfixSetup.value site.Setup (ValueSome service) "smtpd_milters"

        let off =
            PostfixSetup.value site.Setup (ValueSome service) "receive_override_options"
            |> hasWord "no_milters"

        struct (value, (if off then [] else PostfixValues.milters value.Text))

    /// Those of them that may be ours.
    let ours (site: PostfixSite) (service: PostfixService) : PostfixValues.Milter list =
        let struct (_, milters) = milters site service
        milters |> List.filter (isOurs site)

    /// The milters of mail that does not come by SMTP, that may be ours.
    let oursElsewhere (site: PostfixSite) : PostfixValues.Milter list =
        (PostfixSetup.value site.Setup ValueNone "non_smtpd_milters").Text
        |> PostfixValues.milters
        |> List.filter (isOurs site)

    /// Where mail comes in by SMTP.
    let entrances (site: PostfixSite) : PostfixService list =
        PostfixSetup.servedBy "smtpd" site.Setup

    let private shown setting (value: PostfixValue) =
        match value.Given with
        | ValueSome parameter -> setting + " = " + parameter.Value
        | ValueNone -> (setting + " = " + value.Text).TrimEnd()

    let private serviceName (service: PostfixService) = service.Name + " " + service.Type

    /// What is to be changed where a parameter is given: `service` is that which it was looked up for.
    let finding
        (site: PostfixSite)
        severity
        name
        service
        setting
        (value: PostfixValue)
        says
        write
        see
        : PostfixFinding =
        {
            Severity = severity
            Name = name
            Place =
                match value.Given with
                | ValueSome parameter -> parameter.Place
                | ValueNone -> { File = site.Setup.MainFile; Line = 0 }
            Service =
                if value.IsOwn then
                    service |> ValueOption.map serviceName
                else
                    ValueNone
            Setting = shown setting value
            Says = says
            Write = write
            See = see
        }

    /// What is to be written below a service, wherever the parameter is given.
    let below (service: PostfixService) severity name setting (value: PostfixValue) says write see : PostfixFinding =
        {
            Severity = severity
            Name = name
            Place = service.Place
            Service = ValueSome(serviceName service)
            Setting = shown setting value
            Says = says
            Write = write
            See = see
        }

    /// The line that gives a parameter another value: one of main.cf, or where it stands below a service `-o`, with braces
    /// around what has blanks.
    let line (value: PostfixValue) (name: string) (text: string) : string =
        if not value.IsOwn then
            name + " = " + text
        elif text.Contains ' ' then
            "-o { " + name + " = " + text + " }"
        else
            "-o " + name + "=" + text
