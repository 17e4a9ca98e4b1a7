/// Which resolver asks the DNS: the setting, the name servers, and what each library can be trusted with.
namespace Dkim.Core.Dns

open System
open System.Net

/// Which resolver asks the DNS.
type ResolverKind =
    /// DnsClient; libunbound where DNSSEC is to be validated, or where it is installed and a server is not on this
    /// machine.
    | Auto = 0
    | Unbound = 1
    | DnsClient = 2
    /// The name that `Auto` had where the C library asked. It is taken for one more release.
    | System = 3

/// What is known when a resolver is to be chosen.
type ResolverNeeds =
    {
        Kind: ResolverKind
        /// The file of trust anchors.
        Anchors: string voption
        /// Whether libunbound is installed.
        Installed: bool
        /// Servers that are asked and are not on this machine.
        Distant: IPAddress list
    }

/// The resolver that is taken, and what to warn of once.
type ResolverChoice =
    {
        TakesUnbound: bool
        Warnings: string list
    }

module ResolverChoice =
    [<Literal>]
    let private Missing = "which is not installed (package libunbound8)"

    let private spelling (kind: ResolverKind) =
        if kind = ResolverKind.System then
            [
                "resolver: system is an old name of auto and will not be taken for ever; write auto"
            ]
        else
            []

    // A reply is told from a forged one by the address that it comes from, the port that it goes to and its number.
    // DnsClient does not look at the first.
    let private distance (servers: IPAddress list) =
        let named = String.Join(", ", servers |> List.map string)

        [
            "resolver: the name server "
            + named
            + " is not on this machine, and DnsClient does not check where an answer comes from: who can send forged \
               packets may forge a key; run a resolver on this machine, or install libunbound8"
        ]

    /// The resolver for these needs, or why there is none.
    let choose (needs: ResolverNeeds) : Result<ResolverChoice, string> =
        let taken unbound warnings =
            Ok
                {
                    TakesUnbound = unbound
                    Warnings = spelling needs.Kind @ warnings
                }

        match needs.Kind, needs.Anchors with
        | ResolverKind.DnsClient, ValueSome file ->
            Error(
                "the trust anchors of "
                + file
                + " need libunbound; write resolver unbound, or auto"
            )
        | _, ValueSome file when not needs.Installed ->
            Error("the trust anchors of " + file + " need libunbound, " + Missing)
        | ResolverKind.Unbound, _ when not needs.Installed -> Error("resolver unbound needs libunbound, " + Missing)
        | ResolverKind.DnsClient, _ -> taken false []
        | ResolverKind.Unbound, _
        | _, ValueSome _ -> taken true []
        | _, ValueNone when needs.Distant.IsEmpty -> taken false []
        | _, ValueNone when needs.Installed -> taken true []
        | _, ValueNone -> taken false (distance needs.Distant)
