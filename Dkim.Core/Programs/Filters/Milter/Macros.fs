/// What the MTA tells beside a message: its client, and macros.
namespace Dkim.Core.Programs.Filters.Milter

open System.Net

/// The client of an MTA, as the MTA names it when a connection begins.
type MilterClient =
    {
        /// The name, or the address in brackets where it has none.
        HostName: string
        /// Nothing where mail is submitted on the machine itself.
        Address: IPAddress voption
    }

/// The macros that the MTA has sent for a message up to now.
type IMilterMacros =
    /// The value of a macro, named without braces, that came first: `i`, `auth_type`.
    abstract Find: name: string -> string voption
    /// The value that came when the client connected: `daemon_name`.
    abstract FindAtConnect: name: string -> string voption

/// The macros, without braces, that an MTA is asked for; at other stages it tells what it is set up to tell.
type WantedMacros =
    {
        /// Empty: those that it is set up to tell.
        AtConnect: string list
        AtEndOfHeader: string list
    }

module internal MilterMacros =
    // Which entrance of the MTA mail came in by. Only who holds the client's connection knows it: asked at the end of the
    // header, Postfix's cleanup says its own `$myhostname` for `{daemon_name}`, whichever port mail came in by.
    let private ofEntrance =
        [ "daemon_name"; "daemon_addr"; "daemon_port"; "if_name"; "if_addr" ]

    // What every MTA tells unasked at an earlier stage (milter_connect_macros and milter_mail_macros of postconf(5),
    // confMILTER_MACROS_CONNECT and confMILTER_MACROS_ENVFROM of Sendmail).
    let private ofConnection =
        [ "j"; "_"; "v"; "daemon_name"; "daemon_addr"; "if_name"; "if_addr" ]

    let private ofLogin = [ "auth_type"; "auth_authen"; "auth_author" ]

    /// The value of a macro, from a stage at which the MTA can know it.
    let find (macros: IMilterMacros) (name: string) : string voption =
        if ofEntrance |> List.contains name then
            macros.FindAtConnect name
        else
            macros.Find name

    /// What to ask for, so that these can be looked at.
    let wanted (names: string list) : WantedMacros =
        let entrance = names |> List.filter (fun name -> List.contains name ofEntrance)

        {
            // An MTA that is asked no longer tells what it tells unasked.
            AtConnect =
                if entrance.IsEmpty then
                    []
                else
                    ofConnection @ entrance |> List.distinct
            AtEndOfHeader = names |> List.distinct |> List.except (ofEntrance @ ofConnection @ ofLogin)
        }
