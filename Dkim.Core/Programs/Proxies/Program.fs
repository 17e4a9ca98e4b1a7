/// A proxy that is ready to serve, and one that is only checked, as their host sees them.
namespace Dkim.Core.Programs.Proxies

open Dkim.Core.Words
open Dkim.Core.Dns
open Dkim.Core.Stores
open Dkim.Core.Asking
open Dkim.Core.Signatures
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Running
open Dkim.Core.Programs.Proxies.Shared
open Dkim.Core.Programs.Proxies.Out

/// What serving needs of one of the two proxies.
[<NoComparison; NoEquality>]
type internal ProxyParts =
    {
        Ident: string
        Settings: ProxySettings
        Relay: Endpoint
        /// What verifies, where something does.
        Verifying: VerifyPolicy voption
        Notices: LogLine list
        Reloadable: Reloadable
        Secrets: WantedFile list
        Stores: StoreUse list
        /// A fault of a value in a line.
        Refusal: Problem -> string
        Refresh: unit -> Step<ProxyParts>
        /// The files of maps.
        Tables: WantedFile list
        /// The proxy with the maps of some of these files as they are now, or nothing where it stays as it was, and what to
        /// log. The directory of the unit's credentials, or nothing.
        Renew: WantedFile list -> string -> Step<struct (ProxyParts voption * LogLine list)>
        Passage: Conversation -> int64<sec> -> Passage<ProxyDecision>
    }

/// A proxy that is ready to serve: settings, maps and keys. It never changes; `Refresh` and `Renew` make others. Usable from
/// several threads.
[<Sealed>]
type ProxyProgram internal (parts: ProxyParts) =
    /// `dkimproxy.out` or `dkimproxy.in`, or what `syslog_ident` says.
    member _.Ident = parts.Ident

    member _.Settings = parts.Settings

    member _.Listen = ProxySettings.listeners parts.Settings

    member _.Relay = parts.Relay

    /// What the look-ups of one message may cost.
    member _.Budget: LookupBudget =
        let signatures =
            parts.Verifying
            |> ValueOption.map _.SignaturesVerified
            |> ValueOption.defaultValue 0

        let questions =
            parts.Settings.DnsQueries
            |> ValueOption.defaultValue (LookupBudget.questionsOf signatures LookupBudget.MostPolicies false)

        LookupBudget.ofQuestions questions parts.Settings.Service.DnsTimeout

    /// The longest TXT record to take from the DNS, in octets.
    member _.RecordOctets: int =
        int (ValueOption.defaultValue VerifyPolicy.defaults parts.Verifying).RecordOctets

    /// What to log before serving: weak or ineffective settings, keys that could not be read.
    member _.Notices = parts.Notices

    /// Whether `Admits` wants the name of a client, too.
    member _.NamesClients = ProxySettings.namesClients parts.Settings

    /// Whether a client may speak to the proxy.
    member _.Admits(client: ProxyClient) =
        ProxySettings.admits parts.Settings client

    /// The files that hold private keys and passphrases, to be watched.
    member _.Secrets = parts.Secrets

    /// The stores that have maps, each once.
    member _.Stores: StoreUse list = parts.Stores

    /// The program with its `Secrets` read again. A key that cannot be read any more, or was not found, stays as it was,
    /// and `Notices` of the new program says so.
    member _.Refresh() : Step<ProxyProgram> =
        parts.Refresh() |> Step.map ProxyProgram

    /// The files of maps: what changes in them takes effect without a signal.
    member _.Tables: WantedFile list = parts.Tables

    /// The program with the maps of some of these files read again. `credentials` is the directory of the unit's
    /// credentials, or nothing.
    member _.Renew(changed: seq<WantedFile>, credentials: string) : Step<ProxyRenewal> =
        parts.Renew (List.ofSeq changed) credentials
        |> Step.map (fun (struct (next, log)) ->
            {
                Next = next |> ValueOption.map ProxyProgram
                Log = log
            })

    /// What follows from a reload that came to the program `next`: the line that says why nothing does, or nothing where
    /// `next` takes the place of this one. `kept` are the secrets that could not be read again, `credentials` is the
    /// directory of the unit's credentials, or nothing.
    member _.RefusesToFollow(next: ProxyProgram, kept: KeptSecret seq, credentials: string) : LogLine voption =
        ProxyReload.refusal parts.Reloadable next.Reloadable (List.ofSeq kept) credentials

    /// What to log of a file that holds a secret: `text`, and domain and selector of the key.
    member _.OfSecret(file: WantedFile, text: string) : LogLine =
        LogLine.plain LogLevel.Warning text
        |> LogLine.add (KeyUse.facts parts.Reloadable.KeyUses file.Path)

    /// What to say of a setting whose value the machine cannot serve, with its place.
    member _.Refusal(setting: string, reason: string, remedy: string) : string =
        parts.Refusal(ProxySetup.broken setting ValueNone reason remedy)

    member private _.Reloadable = parts.Reloadable

    /// The passage of one message. `now` is the time of day in seconds since 1970-01-01T00:00:00Z.
    member _.NewMessage(now: int64<sec>) : Passage<ProxyDecision> = parts.Passage Conversation.unknown now

    /// The same for a message of which it is known who sends it to whom, for the log.
    member _.NewMessage(now: int64<sec>, conversation: Conversation) : Passage<ProxyDecision> =
        parts.Passage conversation now

/// What comes of maps whose files have changed. One whose file cannot be read stays as it was; all others hold together, or
/// none of them.
and [<NoComparison; NoEquality>] ProxyRenewal =
    {
        /// The proxy with those that could be read; nothing where it stays as it was.
        Next: ProxyProgram voption
        Log: LogLine list
    }

/// The check of a proxy's settings (`--check`), as far as files tell. The host goes the way of a start and adds what the
/// machine tells.
[<Sealed>]
type ProxyCheck
    internal
    (
        settings: ProxySettings,
        secrets: WantedFile list,
        stores: StoreUse list,
        problems: Problem list,
        locate,
        report: Problem list -> string list -> string
    ) =
    /// Where something is wrong, the default in its place.
    member _.Settings = settings

    member _.Listen = ProxySettings.listeners settings

    member _.Relay = ProxySettings.relay settings

    /// The files that hold private keys and passphrases.
    member _.Secrets = secrets

    /// The stores that have maps, each once.
    member _.Stores: StoreUse list = stores

    /// A setting whose value the machine cannot serve, with its place.
    member _.Fault(setting: string, reason: string, remedy: string) : Problem =
        locate (ProxySetup.broken setting ValueNone reason remedy)

    /// What to print, with what the machine told.
    member _.Report(found: seq<Problem>, warnings: seq<string>) : string =
        report (problems @ List.ofSeq found) (List.ofSeq warnings)

    /// The exit code where the machine told so many problems.
    member _.ExitCode(found: int) : int =
        if problems.Length + found = 0 then
            0
        else
            SysExit.Configuration
