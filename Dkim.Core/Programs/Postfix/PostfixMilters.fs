/// How Postfix speaks to its milters, and what it does to mail that they have signed.
module internal Dkim.Core.Programs.Postfix.PostfixMilters

open Dkim.Core.Programs.Postfix.PostfixSite

[<Literal>]
let private Section = "docs/milter.md, \"Postfix\""

[<Literal>]
let private Behind = "docs/milter.md, \"What breaks a signature behind the filter\""

/// A place where milters are used, and those of them that may be ours.
type private Use =
    {
        Service: PostfixService voption
        Milters: PostfixValues.Milter list
    }

let private uses (site: PostfixSite) : Use list =
    let atEntrance service =
        {
            Service = ValueSome service
            Milters = ours site service
        }

    let elsewhere =
        {
            Service = ValueNone
            Milters = oursElsewhere site
        }

    elsewhere :: (entrances site |> List.map atEntrance)
    |> List.filter (fun used -> not used.Milters.IsEmpty)

/// What a setting is for some of the milters of an entrance, where it is said, and the line for another value.
type private MilterSetting =
    {
        Text: string
        Parameter: string
        Value: PostfixValue
        Write: string -> string
    }

/// What a setting of the milters is where they are used: for each that says it for itself, and for all others.
let private settings (site: PostfixSite) (name: string) (own: string) (used: Use) : MilterSetting list =
    let list =
        match used.Service with
        | ValueSome _ -> "smtpd_milters"
        | ValueNone -> "non_smtpd_milters"

    let milters = PostfixSetup.value site.Setup used.Service list

    let rewritten (milter: PostfixValues.Milter) text =
        PostfixValues.milters milters.Text
        |> List.map (fun other ->
            if other = milter then
                { other with
                    Own = other.Own.Add(own, text)
                }
            else
                other)
        |> PostfixValues.show

    let ofItself (milter: PostfixValues.Milter) =
        milter.Own.TryFind own
        |> Option.map (fun text ->
            {
                Text = text
                Parameter = list
                Value = milters
                Write = rewritten milter >> line milters list
            })

    let value = PostfixSetup.value site.Setup used.Service name

    let ofAll =
        {
            Text = value.Text
            Parameter = name
            Value = value
            Write = line value name
        }

    [
        if used.Milters |> List.exists (fun milter -> not (milter.Own.ContainsKey own)) then
            ofAll
        yield! used.Milters |> List.choose ofItself
    ]

let private passing (site: PostfixSite) (used: Use) : PostfixFinding list =
    settings site "milter_default_action" "default_action" used
    |> List.choose (fun setting ->
        if setting.Text <> "accept" then
            None
        else
            finding
                site
                PostfixSeverity.Warning
                "passes-without-filter"
                used.Service
                setting.Parameter
                setting.Value
                "while the filter is away, mail passes unsigned and unverified"
                (setting.Write "tempfail")
                Section
            |> Some)

let private protocol (site: PostfixSite) (used: Use) : PostfixFinding list =
    let found name (setting: MilterSetting) says =
        finding
            site
            PostfixSeverity.Warning
            name
            used.Service
            setting.Parameter
            setting.Value
            says
            (setting.Write "6")
            Section

    settings site "milter_protocol" "protocol" used
    |> List.choose (fun setting ->
        match PostfixValues.items setting.Text |> List.tryHead with
        | Some "6" -> None
        | Some("2" | "3" | "4") when site.Filters.IsRelaxed || not site.Filters.Signs -> None
        | Some("2" | "3" | "4") ->
            Some(
                found
                    "protocol-strips-blanks"
                    setting
                    "Postfix then hides from the filter whether a blank stood after the colon of a field: a message with \
                     Subject:x is signed as Subject: x, and fails where the header is not signed as relaxed"
            )
        | _ ->
            Some(
                found
                    "protocol-unknown"
                    setting
                    "no version of the milter protocol that Postfix speaks: it uses no filter and does what \
                     milter_default_action says"
            ))

let private order (site: PostfixSite) (service: PostfixService) : PostfixFinding list =
    let struct (value, milters) = milters site service

    let place socket =
        milters
        |> List.tryFindIndex (fun milter -> PostfixSetup.isSocket site.Setup socket milter.Endpoint)

    match site.Filters.Socket, site.Filters.DkSocket with
    | ValueSome socket, ValueSome dkSocket ->
        match place socket, place dkSocket with
        | Some dkim, Some dk when dkim < dk ->
            let swapped =
                milters
                |> List.mapi (fun index milter ->
                    if index = dkim then milters[dk]
                    elif index = dk then milters[dkim]
                    else milter)

            [
                finding
                    site
                    PostfixSeverity.Warning
                    "milter-order"
                    (ValueSome service)
                    "smtpd_milters"
                    value
                    "dk-filter stands behind dkim-filter, whose field it is not shown and puts its own above: every \
                     DomainKeys signature is broken"
                    (line value "smtpd_milters" (PostfixValues.show swapped))
                    "docs/milter.md, \"dk-filter\""
            ]
        | _ -> []
    | _ -> []

/// Parameters by which smtp(8) changes what the milters have seen, and those that do the same before them.
let private rewriting =
    [
        "smtp_generic_maps", "sender_canonical_maps"
        "smtp_header_checks", "header_checks"
        "smtp_mime_header_checks", "mime_header_checks"
        "smtp_nested_header_checks", "nested_header_checks"
        "smtp_body_checks", "body_checks"
    ]

let private rewritten (site: PostfixSite) : PostfixFinding list =
    [
        for service in PostfixSetup.servedBy "smtp" site.Setup do
            for name, before in rewriting do
                let value = PostfixSetup.value site.Setup (ValueSome service) name

                if value.Text <> "" then
                    finding
                        site
                        PostfixSeverity.Warning
                        "rewritten-after-signing"
                        (ValueSome service)
                        name
                        value
                        "smtp(8) changes mail after the filter has signed it, and breaks the signature of what it \
                         changes; the parameter to write does it before"
                        (before + " = " + value.Text)
                        Behind
    ]

let private otherMail (site: PostfixSite) : PostfixFinding list =
    let main name =
        PostfixSetup.value site.Setup ValueNone name

    let isNone name = (main name).Text = ""

    let signing =
        entrances site |> List.tryFind (fun service -> not (ours site service).IsEmpty)

    match signing with
    | Some service when site.Filters.Signs && isNone "non_smtpd_milters" ->
        let struct (value, _) = milters site service

        [
            finding
                site
                PostfixSeverity.Note
                "local-mail-unsigned"
                ValueNone
                "non_smtpd_milters"
                (main "non_smtpd_milters")
                "mail that programs of this machine submit by sendmail, and bounces, are not signed"
                ("non_smtpd_milters = " + value.Text)
                Section
        ]
    | _ when
        site.Filters.Signs
        && not (oursElsewhere site).IsEmpty
        && not (hasWord "bounce" (main "internal_mail_filter_classes"))
        ->
        [
            finding
                site
                PostfixSeverity.Note
                "bounces-unsigned"
                ValueNone
                "internal_mail_filter_classes"
                (main "internal_mail_filter_classes")
                "bounces are not shown to the filter and leave unsigned"
                "internal_mail_filter_classes = bounce"
                Section
        ]
    | _ -> []

/// What is found about the milters, each thing once for each place that says it.
let findings (site: PostfixSite) : PostfixFinding list =
    let used = uses site

    List.collect (passing site) used
    @ List.collect (protocol site) used
    @ (entrances site |> List.collect (order site))
    @ (if used.IsEmpty || not site.Filters.Signs then
           []
       else
           rewritten site)
    @ otherMail site
