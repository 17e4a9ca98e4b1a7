/// Whether Postfix reaches the sockets of its filters.
module internal Dkim.Core.Programs.Postfix.PostfixSockets

open System
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Postfix.PostfixSite

[<Literal>]
let private Section = "docs/milter.md, \"Postfix\""

/// A milter whose path begins at the root, for a program that is in a chroot, where that is another file.
let private outside (site: PostfixSite) (service: PostfixService) name (milter: PostfixValues.Milter) : PostfixFinding =
    let value = PostfixSetup.value site.Setup (ValueSome service) name
    let queue = PostfixSetup.queue site.Setup
    let path = milter.Endpoint.Substring 5

    let inside =
        if path.StartsWith(queue + "/", StringComparison.Ordinal) then
            path.Substring(queue.Length + 1)
        else
            "dkim-filter/dkim-filter.sock"

    let moved (other: PostfixValues.Milter) =
        if other = milter then
            { other with
                Endpoint = "unix:" + inside
            }
        else
            other

    finding
        site
        PostfixSeverity.Note
        "socket-outside-chroot"
        (ValueSome service)
        name
        value
        (service.Command
         + " is in the chroot "
         + queue
         + " here, where unix:"
         + path
         + " is "
         + queue
         + path)
        (PostfixValues.milters value.Text
         |> List.map moved
         |> PostfixValues.show
         |> line value name)
        Section

let private outsideChroot (site: PostfixSite) (name: string) (service: PostfixService) milters : PostfixFinding list =
    let isOutside (milter: PostfixValues.Milter) =
        milter.Endpoint.StartsWith("unix:/", StringComparison.Ordinal)
        && not (
            site.Filters.Socket
            |> ValueOption.exists (fun socket ->
                socket.IsLocal
                && socket.Host = PostfixSetup.queue site.Setup + milter.Endpoint.Substring 5)
        )

    if PostfixSetup.isChrooted site.Setup service then
        milters |> List.filter isOutside |> List.map (outside site service name)
    else
        []

let private isUsed site =
    not (oursElsewhere site).IsEmpty
    || entrances site |> List.exists (fun service -> not (ours site service).IsEmpty)

/// A filter that no entrance and no other mail goes through. An entrance that has milters of its own, or none, is told
/// so for a reason: where there is another, the line is one of main.cf.
let private unused (site: PostfixSite) : PostfixFinding list =
    let valueAt service =
        PostfixSetup.value site.Setup service "smtpd_milters"

    let entrance =
        entrances site
        |> List.tryFind (fun service -> (valueAt (ValueSome service)).Text <> "")
        |> Option.filter (fun _ ->
            entrances site
            |> List.forall (fun service -> (valueAt (ValueSome service)).IsOwn))
        |> Option.toValueOption

    let value = valueAt entrance

    match site.Filters.Socket with
    | ValueSome socket when not (isUsed site) ->
        let endpoint =
            if socket.IsLocal then
                "unix:" + socket.Host
            else
                let host = if socket.Host = "" then "127.0.0.1" else socket.Host
                let host = if host.Contains ':' then "[" + host + "]" else host
                "inet:" + host + ":" + string socket.Port

        let filter: PostfixValues.Milter = { Endpoint = endpoint; Own = Map.empty }

        [
            finding
                site
                PostfixSeverity.Warning
                "filter-unused"
                entrance
                "smtpd_milters"
                value
                ("no milter is "
                 + string socket
                 + ", where the filter waits: mail is neither signed nor verified")
                (line value "smtpd_milters" (PostfixValues.show (PostfixValues.milters value.Text @ [ filter ])))
                Section
        ]
    | _ -> []

/// What is found about the sockets.
let findings (site: PostfixSite) : PostfixFinding list =
    let ofEntrance service =
        let struct (_, milters) = milters site service
        outsideChroot site "smtpd_milters" service milters

    // cleanup(8) asks the milters of mail that does not come by SMTP.
    let ofOtherMail service =
        PostfixSetup.value site.Setup (ValueSome service) "non_smtpd_milters"
        |> fun value -> PostfixValues.milters value.Text
        |> outsideChroot site "non_smtpd_milters" service

    (entrances site |> List.collect ofEntrance)
    @ (PostfixSetup.servedBy "cleanup" site.Setup |> List.collect ofOtherMail)
    @ unused site
