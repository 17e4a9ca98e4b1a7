/// What a filter and the process that asks its stores (dkim-tables) say to each other. Each message is the octets of a
/// frame; whoever sends it writes its length before it, as four octets in network order.
namespace Dkim.Core.Stores

open System
open System.IO
open System.Text

/// What a filter sends.
[<RequireQualifiedAccess>]
type StoreCommand =
    /// A store from now on has this number. A question may take so long, in milliseconds.
    | Open of store: int * place: Store * timeout: int
    /// The store is not asked any more.
    | Close of store: int
    | Ask of request: int64 * store: int * forms: string list

/// What it gets.
[<Struct>]
type StoreReply = { Request: int64; Answer: StoreAnswer }

module StoreWire =
    /// The longest frame, in octets: all rows of a question with their keys.
    [<Literal>]
    let LongestFrame = 16777216

    /// More texts than these no list has, and more rows no answer.
    [<Literal>]
    let MostTexts = 100000

    let private texts (writer: BinaryWriter) (items: string list) =
        writer.Write7BitEncodedInt items.Length

        for item in items do
            writer.Write item

    let private readTexts (reader: BinaryReader) : string list =
        match reader.Read7BitEncodedInt() with
        | count when count < 0 || count > MostTexts -> raise (InvalidDataException())
        | count -> List.init count (fun _ -> reader.ReadString())

    let private octets (write: BinaryWriter -> unit) : byte[] =
        use stream = new MemoryStream()
        use writer = new BinaryWriter(stream, Encoding.UTF8)
        write writer
        writer.Flush()
        stream.ToArray()

    // Nothing where the octets are no message.
    let private tryRead (octets: byte[]) (read: BinaryReader -> 'a) : 'a voption =
        use reader = new BinaryReader(new MemoryStream(octets), Encoding.UTF8)

        try
            let value = read reader

            if reader.BaseStream.Position = reader.BaseStream.Length then
                ValueSome value
            else
                ValueNone
        with
        | :? InvalidDataException
        | :? IOException
        | :? FormatException
        | :? OverflowException
        | :? ArgumentException -> ValueNone

    let private ofYes (yes: bool) = if yes then "yes" else "no"

    let private ofBackend (backend: SqlBackend) =
        match backend with
        | SqlBackend.Sqlite -> "sqlite3"
        | SqlBackend.PostgreSql -> "pgsql"
        | SqlBackend.MySql -> "mysql"

    let private ofQuery (query: SqlQuery) : string list =
        match query with
        | SqlQuery.Columns(table, key, data, filter) -> "columns" :: table :: key :: filter :: data
        | SqlQuery.Written text -> [ "written"; text ]

    let private ofAccount (account: LdapAccount) : string list =
        match account with
        | LdapAccount.Anonymous -> [ "anonymous"; ""; ""; "" ]
        | LdapAccount.Simple(user, password) -> [ "simple"; user; ""; password.Reveal ]
        | LdapAccount.Plain(user, whom, password) -> [ "plain"; user; whom; password.Reveal ]
        | LdapAccount.External -> [ "external"; ""; ""; "" ]

    let private ofScope (scope: LdapScope) =
        match scope with
        | LdapScope.Base -> "base"
        | LdapScope.One -> "one"
        | LdapScope.Sub -> "sub"

    let private ofStore (store: Store) : string list =
        match store with
        | Store.Sql(source, query) ->
            [
                "sql"
                ofBackend source.Backend
                source.User
                source.Password.Reveal
                source.Host
                string (ValueOption.defaultValue 0 source.Port)
                source.Database
                ofYes source.Tls
            ]
            @ ofQuery query
        | Store.Ldap source ->
            [
                "ldap"
                source.Base
                ofScope source.Scope
                source.Filter
                ofYes source.StartTls
                string source.Keepalive.Idle
                string source.Keepalive.Interval
                string source.Keepalive.Probes
            ]
            @ ofAccount source.Account
            @ [ string source.Servers.Length ]
            @ (source.Servers
               |> List.collect (fun server -> [ ofYes server.Tls; server.Host; string server.Port ]))
            @ source.Attributes
        | Store.Redis(source, layout) ->
            [
                "redis"
                source.Host
                string source.Port
                source.User
                source.Password.Reveal
                ofYes source.Tls
            ]
            @ match layout with
              | RedisLayout.Prefixed prefix -> [ "prefixed"; prefix ]
              | RedisLayout.Rspamd(keys, selectors) -> [ "rspamd"; keys; selectors ]
        | Store.Berkeley path -> [ "berkeley"; path ]
        | Store.Lmdb folder -> [ "lmdb"; folder ]
        | Store.Lines(host, port) -> [ "lines"; host; string port ]

    let private bad () : 'a = raise (InvalidDataException())

    let private toYes (text: string) = text = "yes"

    let private toQuery (parts: string list) : SqlQuery =
        match parts with
        | "columns" :: table :: key :: filter :: data -> SqlQuery.Columns(table, key, data, filter)
        | [ "written"; text ] -> SqlQuery.Written text
        | _ -> bad ()

    let private toBackend (text: string) : SqlBackend =
        match text with
        | "sqlite3" -> SqlBackend.Sqlite
        | "pgsql" -> SqlBackend.PostgreSql
        | "mysql" -> SqlBackend.MySql
        | _ -> bad ()

    let private toAccount (kind: string) (user: string) (whom: string) (password: string) : LdapAccount =
        match kind with
        | "anonymous" -> LdapAccount.Anonymous
        | "simple" -> LdapAccount.Simple(user, Secret.Of password)
        | "plain" -> LdapAccount.Plain(user, whom, Secret.Of password)
        | "external" -> LdapAccount.External
        | _ -> bad ()

    let private toScope (text: string) : LdapScope =
        match text with
        | "base" -> LdapScope.Base
        | "one" -> LdapScope.One
        | "sub" -> LdapScope.Sub
        | _ -> bad ()

    let private toServer (parts: string list) : LdapServer =
        match parts with
        | [ tls; host; port ] ->
            {
                Tls = toYes tls
                Host = host
                Port = int port
            }
        | _ -> bad ()

    // The servers at the front, and what stands behind them.
    let private toServers (count: int) (parts: string list) : struct (LdapServer list * string list) =
        if count < 0 || count > parts.Length / 3 then
            bad ()
        else
            let servers, rest = List.splitAt (3 * count) parts
            struct (servers |> List.chunkBySize 3 |> List.map toServer, rest)

    let private toStore (parts: string list) : Store =
        match parts with
        | "sql" :: backend :: user :: password :: host :: port :: database :: tls :: query ->
            let source =
                {
                    Backend = toBackend backend
                    User = user
                    Password = Secret.Of password
                    Host = host
                    Port = if port = "0" then ValueNone else ValueSome(int port)
                    Database = database
                    Tls = toYes tls
                }

            Store.Sql(source, toQuery query)
        | "ldap" :: place :: scope :: filter :: startTls :: idle :: interval :: probes :: kind :: user :: whom :: password :: count :: rest ->
            let struct (servers, attributes) = toServers (int count) rest

            Store.Ldap
                {
                    Servers = servers
                    Base = place
                    Scope = toScope scope
                    Filter = filter
                    Attributes = attributes
                    Account = toAccount kind user whom password
                    StartTls = toYes startTls
                    Keepalive =
                        {
                            Idle = int idle
                            Interval = int interval
                            Probes = int probes
                        }
                }
        | "redis" :: host :: port :: user :: password :: tls :: layout ->
            let source =
                {
                    Host = host
                    Port = int port
                    User = user
                    Password = Secret.Of password
                    Tls = toYes tls
                }

            match layout with
            | [ "prefixed"; prefix ] -> Store.Redis(source, RedisLayout.Prefixed prefix)
            | [ "rspamd"; keys; selectors ] -> Store.Redis(source, RedisLayout.Rspamd(keys, selectors))
            | _ -> bad ()
        | [ "berkeley"; path ] -> Store.Berkeley path
        | [ "lmdb"; folder ] -> Store.Lmdb folder
        | [ "lines"; host; port ] -> Store.Lines(host, int port)
        | _ -> bad ()

    /// A command as a frame.
    [<CompiledName "OfCommand">]
    let ofCommand (command: StoreCommand) : byte[] =
        octets (fun writer ->
            match command with
            | StoreCommand.Open(store, place, timeout) ->
                writer.Write 'o'B
                writer.Write store
                writer.Write timeout
                texts writer (ofStore place)
            | StoreCommand.Close store ->
                writer.Write 'c'B
                writer.Write store
            | StoreCommand.Ask(request, store, forms) ->
                writer.Write 'a'B
                writer.Write request
                writer.Write store
                texts writer forms)

    /// The command of a frame; nothing where it is none.
    [<CompiledName "TryCommand">]
    let tryCommand (frame: byte[]) : StoreCommand voption =
        tryRead frame (fun reader ->
            match reader.ReadByte() with
            | 'o'B ->
                let store = reader.ReadInt32()
                let timeout = reader.ReadInt32()
                StoreCommand.Open(store, toStore (readTexts reader), timeout)
            | 'c'B -> StoreCommand.Close(reader.ReadInt32())
            | 'a'B ->
                let request = reader.ReadInt64()
                let store = reader.ReadInt32()
                StoreCommand.Ask(request, store, readTexts reader)
            | _ -> bad ())

    /// A reply as a frame.
    [<CompiledName "OfReply">]
    let ofReply (reply: StoreReply) : byte[] =
        octets (fun writer ->
            writer.Write reply.Request

            match reply.Answer with
            | StoreAnswer.Unavailable reason -> texts writer [ "unavailable"; reason ]
            | StoreAnswer.Rows rows ->
                texts writer [ "rows"; string rows.Length ]

                for row in rows do
                    texts writer (row.Form :: row.Fields))

    /// The reply of a frame; nothing where it is none.
    [<CompiledName "TryReply">]
    let tryReply (frame: byte[]) : StoreReply voption =
        let row (texts: string list) : StoreRow =
            match texts with
            | form :: fields -> { Form = form; Fields = fields }
            | [] -> bad ()

        tryRead frame (fun reader ->
            let request = reader.ReadInt64()

            match readTexts reader with
            | [ "unavailable"; reason ] ->
                {
                    Request = request
                    Answer = StoreAnswer.Unavailable reason
                }
            | [ "rows"; count ] when int count <= MostTexts ->
                {
                    Request = request
                    Answer = StoreAnswer.Rows(List.init (int count) (fun _ -> row (readTexts reader)))
                }
            | _ -> bad ())
