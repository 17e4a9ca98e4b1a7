/// A configuration of Postfix as its programs see it: what a parameter is for a service, and where it is said.
namespace Dkim.Core.Programs.Postfix

open System
open Dkim.Core.Programs.Settings

/// The configuration of one Postfix.
type internal PostfixSetup =
    {
        /// By their names; of several the last counts.
        Parameters: Map<string, PostfixParameter>
        Services: PostfixService list
        /// Where a parameter belongs that is not given.
        MainFile: string
    }

/// The value that a parameter has for a service.
[<Struct>]
type internal PostfixValue =
    {
        /// With everything in it expanded.
        Text: string
        /// The parameter where it is given; nothing for a default.
        Given: PostfixParameter voption
        /// It stands below the service itself.
        IsOwn: bool
    }

module internal PostfixSetup =
    /// More services or parameters are those of no mail server.
    [<Literal>]
    let private MostServices = 256

    [<Literal>]
    let private MostParameters = 4096

    // postconf -d, Postfix 3.7. What is left out is empty, or nothing that is asked for.
    let private defaults =
        Map
            [
                "compatibility_level", "0"
                "milter_default_action", "tempfail"
                "milter_macro_daemon_name", "$myhostname"
                "milter_protocol", "6"
                "disable_mime_output_conversion", "no"
                "queue_directory", "/var/spool/postfix"
                "smtp_send_xforward_command", "no"
            ]

    /// Makes a configuration of the lines of its files.
    let make (lines: PostfixLine list) : Result<PostfixSetup, string> =
        let parameters =
            lines
            |> List.choose (fun line ->
                match line with
                | Parameter parameter -> Some(parameter.Name, parameter)
                | Service _ -> None)

        let services =
            lines
            |> List.choose (fun line ->
                match line with
                | Service service -> Some service
                | Parameter _ -> None)

        if services.Length > MostServices then
            Error("more than " + string MostServices + " services")
        elif parameters.Length > MostParameters then
            Error("more than " + string MostParameters + " parameters")
        else
            Ok
                {
                    Parameters = Map parameters
                    Services = services
                    MainFile =
                        parameters
                        |> List.tryHead
                        |> Option.map (fun (_, first) -> first.Place.File)
                        |> Option.defaultValue "main.cf"
                }

    let private own (service: PostfixService voption) (name: string) : PostfixParameter voption =
        service
        |> ValueOption.bind (fun service ->
            service.Options
            |> List.tryFindBack (fun option -> option.Name = name)
            |> Option.toValueOption)

    let private given (setup: PostfixSetup) service name : PostfixParameter voption =
        match own service name with
        | ValueSome option -> ValueSome option
        | ValueNone -> setup.Parameters.TryFind name |> Option.toValueOption

    // The names of the machine are not in its files: they stay as they are written.
    let private written setup service name : string voption =
        match given setup service name, defaults.TryFind name with
        | ValueSome parameter, _ -> ValueSome parameter.Value
        | ValueNone, Some text -> ValueSome text
        | ValueNone, None when name = "myhostname" || name = "mydomain" -> ValueSome("$$" + name)
        | ValueNone, None -> ValueNone

    /// What a parameter is for a service, or without one for the programs that main.cf alone speaks to.
    let value (setup: PostfixSetup) (service: PostfixService voption) (name: string) : PostfixValue =
        let text =
            written setup service name
            |> ValueOption.map (PostfixValues.expand (written setup service))

        {
            Text = (ValueOption.defaultValue "" text).Trim()
            Given = given setup service name
            IsOwn = (own service name).IsSome
        }

    /// The services that a program serves.
    let servedBy (program: string) (setup: PostfixSetup) : PostfixService list =
        setup.Services |> List.filter (fun service -> service.Command = program)

    /// Whether a service sees no more of the file system than the queue.
    let isChrooted (setup: PostfixSetup) (service: PostfixService) : bool =
        match service.Chroot with
        | "y" -> true
        | "-" -> (value setup ValueNone "compatibility_level").Text = "0"
        | _ -> false

    let private isLoopbackHost (host: string) =
        let bare = host.Trim('[', ']')

        bare.Equals("localhost", StringComparison.OrdinalIgnoreCase)
        || bare = "::1"
        || bare.StartsWith("127.", StringComparison.Ordinal)

    /// Whether a service can be reached from its own machine alone, by what its name says.
    let isOnLoopback (service: PostfixService) : bool =
        match service.Name.LastIndexOf ':' with
        | -1 -> false
        | at -> isLoopbackHost (service.Name.Substring(0, at))

    /// The port of a service, as it is written.
    let port (service: PostfixService) : string =
        service.Name.Substring(service.Name.LastIndexOf ':' + 1)

    /// The queue, where a chroot is, without a slash at its end.
    let queue (setup: PostfixSetup) : string =
        (value setup ValueNone "queue_directory").Text.TrimEnd '/'

    // The path of a Unix socket begins at the queue, and an absolute one in a chroot does as well.
    let private paths (setup: PostfixSetup) (path: string) : string list =
        let queue = queue setup

        if path.StartsWith '/' then
            [ path; queue + path ]
        else
            [ queue + "/" + path ]

    /// Whether a milter in Postfix's words is a socket in those of a filter.
    let isSocket (setup: PostfixSetup) (socket: Endpoint) (milter: string) : bool =
        let rest =
            match milter.IndexOf ':' with
            | -1 -> ""
            | at -> milter.Substring(at + 1)

        let sameHost (host: string) =
            let isAny = socket.Host = "" || socket.Host = "0.0.0.0" || socket.Host = "::"
            let bare = host.Trim('[', ']')

            isAny
            || socket.Host.Equals(bare, StringComparison.OrdinalIgnoreCase)
            || (isLoopbackHost bare && isLoopbackHost socket.Host)

        if socket.IsLocal then
            milter.StartsWith("unix:", StringComparison.Ordinal)
            && List.contains socket.Host (paths setup rest)
        else
            match rest.LastIndexOf ':' with
            | -1 -> false
            | at ->
                milter.StartsWith("inet:", StringComparison.Ordinal)
                && rest.Substring(at + 1) = string socket.Port
                && sameHost (rest.Substring(0, at))
