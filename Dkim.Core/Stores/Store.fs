/// Data sets in the engines that a site has already: where one is, and how it is asked (opendkim(8) DATA SETS).
namespace Dkim.Core.Stores

/// A word that nobody is told who does not ask for it by name.
type Secret =
    private
    | Secret of string

    /// The word itself.
    member this.Reveal: string =
        match this with
        | Secret text -> text

    override _.ToString() = "(secret)"

    static member Of(text: string) : Secret = Secret text

/// Kinds of SQL servers.
[<RequireQualifiedAccess>]
type SqlBackend =
    | Sqlite
    | PostgreSql
    | MySql

/// A database and who asks it.
type SqlSource =
    {
        Backend: SqlBackend
        /// Empty for whom the driver takes.
        User: string
        Password: Secret
        /// Empty for SQLite.
        Host: string
        /// Nothing for the backend's own.
        Port: int voption
        /// A name; the path of the file for SQLite.
        Database: string
        /// Whether the connection has to be one by TLS with a certificate that fits.
        Tls: bool
    }

/// How rows are asked for.
[<RequireQualifiedAccess>]
type SqlQuery =
    /// Columns of a table. `filter` is a condition in SQL besides, empty for none.
    | Columns of table: string * key: string * data: string list * filter: string
    /// A SELECT of the site's own, with `@key` or `@keys`.
    | Written of text: string

/// A directory server.
type LdapServer =
    {
        /// By ldaps.
        Tls: bool
        /// A name or an address; the path of a Unix socket where it begins with `/`.
        Host: string
        /// 0 for a Unix socket.
        Port: int
    }

/// Who asks a directory.
[<RequireQualifiedAccess>]
type LdapAccount =
    | Anonymous
    | Simple of user: string * password: Secret
    /// SASL PLAIN: who logs in, and whom it is for, empty for the same (RFC 4616).
    | Plain of user: string * whom: string * password: Secret
    /// SASL EXTERNAL: who a certificate or a Unix socket says.
    | External

/// How deep a directory is searched.
[<RequireQualifiedAccess>]
type LdapScope =
    | Base
    | One
    | Sub

/// When a connection on which nothing comes is tried (tcp(7)); 0 for the system's own.
type LdapKeepalive =
    {
        /// After so many seconds,
        Idle: int
        /// and then each time after so many,
        Interval: int
        /// so often at most.
        Probes: int
    }

    /// All as the system has it.
    static member System: LdapKeepalive = { Idle = 0; Interval = 0; Probes = 0 }

/// A search in a directory.
type LdapSource =
    {
        /// Each is tried until one answers.
        Servers: LdapServer list
        /// Where it begins. `$d` is the text that is looked for, `$D` the same as domain components.
        Base: string
        Scope: LdapScope
        /// RFC 4515, with `$d` and `$D`.
        Filter: string
        /// In the order of the fields of a row.
        Attributes: string list
        Account: LdapAccount
        StartTls: bool
        Keepalive: LdapKeepalive
    }

/// A server of Redis' protocol.
type RedisSource =
    {
        Host: string
        Port: int
        User: string
        Password: Secret
        Tls: bool
    }

/// Where rows are in it.
[<RequireQualifiedAccess>]
type RedisLayout =
    /// The value of the key `PREFIX:TEXT`; of `TEXT` where the prefix is empty.
    | Prefixed of prefix: string
    /// rspamd's: a hash of selectors by domain, and a hash of keys by `SELECTOR.DOMAIN`.
    | Rspamd of keys: string * selectors: string

/// A data set that another process is asked for.
[<RequireQualifiedAccess>]
type Store =
    | Sql of SqlSource * SqlQuery
    | Ldap of LdapSource
    | Redis of RedisSource * RedisLayout
    /// A file of Berkeley DB.
    | Berkeley of path: string
    /// A folder of LMDB.
    | Lmdb of folder: string
    /// A service that answers a line with a line, at a port or at the path of a Unix socket, where the port is 0.
    | Lines of host: string * port: int

/// One look-up: whether a store has one of these texts.
type StoreQuestion =
    {
        Store: Store
        /// In the order in which the first that is there counts; none for every row.
        Forms: string list
    }

module StoreQuestion =
    /// Longer texts are in no table: no address and no name of a host is as long.
    [<Literal>]
    let LongestForm = 1024

    // What no table has need not be asked for. Engines refuse control characters, and letters that the encoding of a table does not
    // have: who writes such an address must not have a store count as down.
    let private mayBeThere (form: string) =
        form <> ""
        && form.Length <= LongestForm
        && form |> String.forall (fun c -> c >= ' ' && c <= '~')

    /// A question for every row of a store; nothing where its kind can only be asked for texts.
    let ofAll (store: Store) : StoreQuestion voption =
        match store with
        | Store.Sql(_, SqlQuery.Columns _) -> ValueSome { Store = store; Forms = [] }
        | Store.Sql(_, SqlQuery.Written _)
        | Store.Ldap _
        | Store.Redis _
        | Store.Berkeley _
        | Store.Lmdb _
        | Store.Lines _ -> ValueNone

    /// A question for those of the texts that a table may have.
    let ofForms (store: Store) (forms: string list) : StoreQuestion =
        {
            Store = store
            Forms = forms |> List.filter mayBeThere |> List.distinct
        }

/// A text that a store has, with the fields of its row.
[<Struct>]
type StoreRow = { Form: string; Fields: string list }

/// What a store says.
[<RequireQualifiedAccess>]
type StoreAnswer =
    /// Those of the forms that are there, each once.
    | Rows of StoreRow list
    /// It could not be asked.
    | Unavailable of reason: string
