/// The two milters ready to decide: settings, lists and keys. Nothing here changes while messages pass.
namespace Dkim.Core

/// The private keys of a filter.
[<NoComparison; NoEquality>]
type internal FilterKeys =
    | NoKeys
    /// The key for every domain that is signed, with the selector.
    | OneKey of KeyUse
    | KeysBySender of KeyList

/// What decisions of both programs rest on.
[<NoComparison; NoEquality>]
type internal FilterGround =
    {
        Scope: FilterScope
        Mode: FilterMode
        Peers: PeerList
        Internal: PeerList
        ExternalIgnored: PeerList
        Domains: DomainList
        Keys: FilterKeys
        /// The fully qualified name of the host, for reports; fields name the MTA by its macro.
        HostName: string
        /// The name that the program was started by, as in its log lines.
        ProgramName: string
        /// The user that it runs as.
        UserName: string
    }

[<NoComparison; NoEquality>]
type internal DkimFilterProgram =
    {
        Ground: FilterGround
        Settings: DkimFilterSettings
        LocalAdsp: LocalAdsp
        /// Nothing: every domain's signatures are trusted.
        Trusted: DomainList voption
    }

[<NoComparison; NoEquality>]
type internal DkFilterProgram =
    {
        Ground: FilterGround
        Settings: DkFilterSettings
    }

module internal FilterProgram =
    /// How dkim-filter names itself in X-DKIM fields and in the log.
    [<Literal>]
    let DkimFilterTitle = "Sendmail DKIM Filter v2.8.3"

    /// How dk-filter names itself in X-DomainKeys fields and in the log.
    [<Literal>]
    let DkFilterTitle = "Sendmail DomainKeys Filter v1.0.0"
