/// Where mail of strangers would be signed: entrances that a content filter hands mail back by, and names of entrances.
module internal Dkim.Core.Programs.Postfix.PostfixEntrances

open System
open Dkim.Core.Programs.Postfix.PostfixSite

[<Literal>]
let private Behind = "docs/milter.md, \"What breaks a signature behind the filter\""

[<Literal>]
let private Names = "docs/milter.md, \"Which entrance mail came in by\""

let private filterNames = [ "content_filter"; "smtpd_proxy_filter" ]

let private at (site: PostfixSite) service name =
    PostfixSetup.value site.Setup (ValueSome service) name

/// Whether mail of an entrance goes through a content filter.
let private isFiltered site service =
    filterNames |> List.exists (fun name -> (at site service name).Text <> "")

let private hasFilterElsewhere (site: PostfixSite) =
    let takesMail (service: PostfixService) =
        service.Command = "smtpd" || service.Command = "pickup"

    site.Setup.Services
    |> List.exists (fun service -> takesMail service && isFiltered site service)

// What an entrance is told that is for filtered mail alone: not to filter it again, whom it came from, and not to repeat
// what was done when it came in.
let private isToldSo site service =
    let own name = at site service name

    let isEmptied =
        filterNames
        |> List.exists (fun name ->
            let value = own name
            value.IsOwn && value.Text = "")

    let xforward = own "smtpd_authorized_xforward_hosts"
    let overrides = own "receive_override_options"

    let repeats =
        [
            "no_unknown_recipient_checks"
            "no_header_body_checks"
            "no_address_mappings"
        ]

    isEmptied
    || (xforward.IsOwn && xforward.Text <> "")
    || (overrides.IsOwn
        && repeats |> List.exists (fun word -> PostfixSite.hasWord word overrides))

/// Whether the filter takes mail of an entrance for our own when its client is 127.0.0.1.
let private signsLoopback (site: PostfixSite) service =
    let name = (at site service "milter_macro_daemon_name").Text

    let isNamed =
        site.Filters.Mta
        |> List.exists (fun known -> known.Equals(name, StringComparison.OrdinalIgnoreCase))

    site.Filters.Signs && (site.Filters.SignsLoopback || isNamed)

let private reinjection site elsewhere (service: PostfixService) : PostfixFinding list =
    let struct (value, _) = milters site service
    let isLocal = PostfixSetup.isOnLoopback service
    let hasMap = (at site service "smtpd_milter_maps").Text <> ""

    if
        isFiltered site service
        || not (signsLoopback site service)
        || (ours site service).IsEmpty
        || hasMap
    then
        []
    elif isToldSo site service && (isLocal || elsewhere) then
        [
            below
                service
                PostfixSeverity.Warning
                "reinjection-signs"
                "smtpd_milters"
                value
                ("a content filter hands mail back by "
                 + service.Name
                 + ", from 127.0.0.1, whoever sent it: the filter there takes forged mail of strangers for our own and \
                    signs it")
                "-o smtpd_milters="
                Behind
        ]
    elif isLocal && elsewhere then
        [
            below
                service
                PostfixSeverity.Note
                "loopback-signs"
                "smtpd_milters"
                value
                ("if a content filter hands mail back by "
                 + service.Name
                 + ", the filter there takes forged mail of strangers for our own and signs it")
                "-o smtpd_milters="
                Behind
        ]
    else
        []

// smtpd_milter_maps says by client which milters see mail, in files of any kind.
let private milterMap site (service: PostfixService) : PostfixFinding list =
    let value = at site service "smtpd_milter_maps"

    if value.Text = "" || isFiltered site service || not (isToldSo site service) then
        []
    else
        [
            below
                service
                PostfixSeverity.Note
                "milter-map"
                "smtpd_milter_maps"
                value
                ("a map decides which milters see what a content filter hands back by "
                 + service.Name
                 + ", and it is not read here: it must have DISABLE for 127.0.0.1")
                "-o smtpd_milters= -o smtpd_milter_maps="
                Behind
        ]

/// A content filter that is a program mostly hands mail back by sendmail(1), which counts as mail of 127.0.0.1.
let private handedBackByProgram (site: PostfixSite) : PostfixFinding list =
    let pipes = PostfixSetup.servedBy "pipe" site.Setup |> List.map _.Name

    let transport (text: string) = (text.Split ':')[0]

    let isOff (service: PostfixService) =
        at site service "receive_override_options" |> hasWord "no_milters"

    let submits =
        PostfixSetup.servedBy "pickup" site.Setup |> List.exists (isOff >> not)

    let value = PostfixSetup.value site.Setup ValueNone "non_smtpd_milters"

    let filter =
        site.Setup.Services
        |> List.filter (fun service -> service.Command = "smtpd")
        |> List.map (fun service -> service, at site service "content_filter")
        |> List.tryFind (fun (_, value) -> List.contains (transport value.Text) pipes)

    match filter with
    | Some(service, filter) when
        submits
        && site.Filters.Signs
        && site.Filters.SignsLoopback
        && not (oursElsewhere site).IsEmpty
        ->
        [
            below
                service
                PostfixSeverity.Note
                "program-signs"
                "content_filter"
                filter
                ("where this program hands mail back by sendmail, non_smtpd_milters takes forged mail of strangers for \
                  our own and signs it ("
                 + (match value.Given with
                    | ValueSome parameter -> "non_smtpd_milters = " + parameter.Value
                    | ValueNone -> "non_smtpd_milters")
                 + ")")
                "127.0.0.1:10025 inet n - n - - smtpd -o content_filter= -o smtpd_milters= -o mynetworks=127.0.0.0/8"
                Behind
        ]
    | _ -> []

let private byName (site: PostfixSite) : PostfixFinding list =
    let seen =
        entrances site |> List.filter (fun service -> not (ours site service).IsEmpty)

    let nameOf service =
        at site service "milter_macro_daemon_name"

    let isCalled (name: string) service =
        name.Equals((nameOf service).Text, StringComparison.OrdinalIgnoreCase)

    let missing name =
        let main = PostfixSetup.value site.Setup ValueNone "milter_macro_daemon_name"

        finding
            site
            PostfixSeverity.Warning
            "entrance-missing"
            ValueNone
            "milter_macro_daemon_name"
            main
            ("MTA of the filter has "
             + name
             + ", and no entrance with that filter is called so: what comes in there is signed for internal or \
                authenticated clients alone. The line belongs below the service where own users submit their mail")
            ("-o milter_macro_daemon_name=" + name)
            Names

    let strangers name (service: PostfixService) =
        below
            service
            PostfixSeverity.Warning
            "strangers-by-name"
            "milter_macro_daemon_name"
            (nameOf service)
            ("MTA of the filter has "
             + name
             + ", which is what the port for everybody's mail is called: forged mail of strangers to users of this \
                server is signed")
            "-o milter_macro_daemon_name=VERIFYING"
            Names

    let isPublic (service: PostfixService) =
        let port = PostfixSetup.port service

        (port = "smtp" || port = "25") && not (PostfixSetup.isOnLoopback service)
        || service.Type = "pass"

    if not site.Filters.Signs then
        []
    else
        site.Filters.Mta
        |> List.collect (fun name ->
            match seen |> List.filter (isCalled name) with
            | [] when not seen.IsEmpty -> [ missing name ]
            | called -> called |> List.filter isPublic |> List.map (strangers name))

/// What is found at the entrances.
let findings (site: PostfixSite) : PostfixFinding list =
    let elsewhere = hasFilterElsewhere site

    (entrances site
     |> List.collect (fun service -> reinjection site elsewhere service @ milterMap site service))
    @ handedBackByProgram site
    @ byName site
