/// How the stores of data sets are asked (opendkim.conf(5) TableCacheTime, LDAPBindUser).
namespace Dkim.Core.Programs.Filters.OpenDkim.Settings

open System
open Dkim.Core.Stores
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Filters.Values.Rows

/// What settings say of stores.
[<NoComparison>]
type internal StoreSettings =
    {
        Times: StoreTimes
        /// A start does not wait for stores; without, one that does not answer is the end of it.
        SoftStart: bool
        /// The user of the process that asks them; nothing for the user of the service.
        User: string voption
        BindUser: string voption
        BindPassword: Secret voption
        /// SASL
        Mechanism: string voption
        AuthUser: string voption
        AuthName: string voption
        StartTls: bool
        Keepalive: LdapKeepalive
        /// How long one search takes, where it is said.
        LdapTimeout: TimeSpan voption
        LdapCache: bool
    }

module internal StoreSettings =
    let defaults: StoreSettings =
        {
            Times = StoreRules.defaults
            SoftStart = true
            User = ValueNone
            BindUser = ValueNone
            BindPassword = ValueNone
            Mechanism = ValueNone
            AuthUser = ValueNone
            AuthName = ValueNone
            StartTls = false
            Keepalive = LdapKeepalive.System
            LdapTimeout = ValueNone
            LdapCache = true
        }

    /// Who asks a directory.
    let account (settings: StoreSettings) : Result<LdapAccount, string> =
        let password = ValueOption.defaultValue (Secret.Of "") settings.BindPassword

        match settings.Mechanism |> ValueOption.map _.ToUpperInvariant() with
        | ValueNone
        | ValueSome "NONE"
        | ValueSome "SIMPLE" ->
            match settings.BindUser with
            | ValueSome user -> Ok(LdapAccount.Simple(user, password))
            | ValueNone -> Ok LdapAccount.Anonymous
        | ValueSome "EXTERNAL" -> Ok LdapAccount.External
        | ValueSome "PLAIN" ->
            match settings.AuthName, settings.AuthUser |> ValueOption.orElse settings.BindUser with
            | ValueSome name, _ -> Ok(LdapAccount.Plain(name, ValueOption.defaultValue "" settings.AuthUser, password))
            | ValueNone, ValueSome user -> Ok(LdapAccount.Plain(user, "", password))
            | ValueNone, ValueNone -> Error "PLAIN needs LDAPAuthUser"
        | ValueSome other -> Error(other + " is not supported; there are simple, PLAIN and EXTERNAL")

    /// A store with what settings say of directories.
    let withAccount (settings: StoreSettings) (store: Store) : Store =
        match store, account settings with
        | Store.Ldap source, Ok account ->
            Store.Ldap
                { source with
                    Account = account
                    StartTls =
                        settings.StartTls
                        && source.Servers |> List.forall (fun server -> not server.Tls)
                    Keepalive = settings.Keepalive
                }
        | _ -> store

    /// How long answers of a store count, and how long a question takes.
    let times (settings: StoreSettings) (store: Store) : StoreTimes =
        match store with
        | Store.Ldap _ ->
            { settings.Times with
                Found =
                    if settings.LdapCache then
                        settings.Times.Found
                    else
                        TimeSpan.Zero
                Absent =
                    if settings.LdapCache then
                        settings.Times.Absent
                    else
                        TimeSpan.Zero
                Timeout = ValueOption.defaultValue settings.Times.Timeout settings.LdapTimeout
            }
        | Store.Sql _
        | Store.Redis _
        | Store.Berkeley _
        | Store.Lmdb _
        | Store.Lines _ -> settings.Times

module internal StoreRows =
    let private seconds: Codec<TimeSpan> =
        Codec.number "SECONDS" 0 86400
        |> Codec.map (float >> TimeSpan.FromSeconds) (fun time -> int time.TotalSeconds)

    let private toggle name get put : Setting<StoreSettings> = switch name get put |> key

    let private time name get put : Setting<StoreSettings> =
        Setting.make name seconds get put |> key

    let private text name (get: StoreSettings -> string voption) put : Setting<StoreSettings> =
        Setting.optional name (Codec.text "TEXT") get put |> key

    let private keepalive name shape get put : Setting<StoreSettings> =
        Setting.make name (Codec.number shape 0 32767) get put |> key

    /// Settings of all stores.
    let common: Setting<StoreSettings> list =
        [
            time "TableCacheTime" _.Times.Found (fun v s -> { s with Times.Found = v })
            |> Setting.says "how long a row of a store counts"
            |> Setting.detail
                "A row that is changed is seen after that time at the latest, and at once after a reload. 0 has the store asked for \
                 every message."
            time "TableNegativeTime" _.Times.Absent (fun v s -> { s with Times.Absent = v })
            |> Setting.says "how long counts that a store has no row"
            time "TableStaleTime" _.Times.Stale (fun v s -> { s with Times.Stale = v })
            |> Setting.says "how old an answer may be while its store does not answer"
            time "TableTimeout" _.Times.Timeout (fun v s -> { s with Times.Timeout = v })
            |> Setting.says "how long a message waits for a store"
            toggle "SoftStart" _.SoftStart (fun v s -> { s with SoftStart = v })
            |> Setting.spelled [ Spelling.Key "SoftStart"; Spelling.Key "LDAPSoftStart" ]
            |> Setting.says "start although a store does not answer, and ask it again"
            |> Setting.detail "No start is held up by a database then. Without it, that is the end of the start."
            text "TableUserID" _.User (fun v s -> { s with User = v })
            |> Setting.fixedForLife
            |> Setting.says "the user of the process that asks stores (default: UserID)"
        ]

    /// Settings of directories alone.
    let ldap: Setting<StoreSettings> list =
        [
            text "LDAPBindUser" _.BindUser (fun v s -> { s with BindUser = v })
            |> Setting.says "the name that a directory is asked under"
            Setting.optional
                "LDAPBindPassword"
                { Codec.text "TEXT" with
                    Show = fun _ -> "***"
                }
                (fun s -> s.BindPassword |> ValueOption.map _.Reveal)
                (fun v s ->
                    { s with
                        BindPassword = v |> ValueOption.map Secret.Of
                    })
            |> Setting.conceals (fun _ -> "***")
            |> key
            |> Setting.says "the password that goes with it"
            text "LDAPAuthMechanism" _.Mechanism (fun v s -> { s with Mechanism = v })
            |> Setting.says "how to log in: simple, PLAIN or EXTERNAL"
            text "LDAPAuthUser" _.AuthUser (fun v s -> { s with AuthUser = v })
            |> Setting.says "the user for PLAIN (default: LDAPBindUser)"
            text "LDAPAuthName" _.AuthName (fun v s -> { s with AuthName = v })
            |> Setting.says "who logs in for that user, with LDAPBindPassword (default: the user)"
            keepalive "LDAPKeepaliveIdle" "SECONDS" _.Keepalive.Idle (fun v s -> { s with Keepalive.Idle = v })
            |> Setting.says "how long a connection may be quiet until it is tried (0: as tcp(7) has it)"
            keepalive "LDAPKeepaliveInterval" "SECONDS" _.Keepalive.Interval (fun v s ->
                { s with Keepalive.Interval = v })
            |> Setting.says "how long to wait until it is tried again (0: as tcp(7) has it)"
            keepalive "LDAPKeepaliveProbes" "NUMBER" _.Keepalive.Probes (fun v s -> { s with Keepalive.Probes = v })
            |> Setting.says "how often to try until it counts as lost (0: as tcp(7) has it)"
            toggle "LDAPUseTLS" _.StartTls (fun v s -> { s with StartTls = v })
            |> Setting.says "ask a directory for TLS, and go on only with it"
            Setting.optional "LDAPTimeout" seconds _.LdapTimeout (fun v s -> { s with LdapTimeout = v })
            |> key
            |> Setting.says "how long a message waits for a directory (default: TableTimeout)"
            toggle "LDAPDisableCache" (fun s -> not s.LdapCache) (fun v s -> { s with LdapCache = not v })
            |> Setting.says "ask a directory for every message"
        ]
