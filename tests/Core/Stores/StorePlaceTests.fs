/// Where a data set in SQL, LDAP or Redis is: what is understood, and what is wrong with the rest.
module Dkim.Tests.Core.StorePlaceTests

open Expecto
open Dkim.Core.Stores
open Dkim.Tests

let private sql backend user password host port database tls query =
    Store.Sql(
        {
            Backend = backend
            User = user
            Password = Secret.Of password
            Host = host
            Port = port
            Database = database
            Tls = tls
        },
        query
    )

let private columns = SqlQuery.Columns("t", "k", [ "a"; "b" ], "")

/// Each is an error, at a position where one is told, and none tells the password.
let private isRefused (parse: string -> Result<Store, string>) (texts: (string * string) list) =
    [
        for text, reason in texts do
            testCase ("refused: " + text) (fun () ->
                let told = Expect.error (parse text)
                Expect.contains reason told
                Expect.lacks "s3cret" told)
    ]

let private places (parse: string -> Result<Store, string>) (texts: (string * Store) list) =
    [
        for text, store in texts do
            testCase text (fun () -> Expect.equal (Ok store) (parse text))
    ]

let private dsn =
    testList
        "dsn"
        [
            yield!
                places
                    Dsn.parse
                    [
                        "mysql://u:s3cret@3307+db.example/mail/table=t?keycol=k?datacol=a,b",
                        sql SqlBackend.MySql "u" "s3cret" "db.example" (ValueSome 3307) "mail" false columns
                        "pgsql://[::1]/mail/datacol=a,b?table=t?keycol=k",
                        sql SqlBackend.PostgreSql "" "" "::1" ValueNone "mail" false columns
                        "PGSQL://u@=2Frun=2Fpg/mail/table=t?keycol=k?datacol=a?filter=on=3d1",
                        sql
                            SqlBackend.PostgreSql
                            "u"
                            ""
                            "/run/pg"
                            ValueNone
                            "mail"
                            false
                            (SqlQuery.Columns("t", "k", [ "a" ], "on=1"))
                        "mysql://u:=40=2F%@h/d/table=t?keycol=k?datacol=a,b",
                        sql SqlBackend.MySql "u" "@/%" "h" ValueNone "d" false columns
                        "sqlite3:///var/lib/mail.db/table=t?keycol=k?datacol=a,b",
                        sql SqlBackend.Sqlite "" "" "" ValueNone "/var/lib/mail.db" false columns
                    ]
            yield!
                isRefused
                    Dsn.parse
                    [
                        "oracle://u:s3cret@h/d/table=t?keycol=k?datacol=a", "oracle"
                        "mysql://u:s3cret@70000+h/d/table=t?keycol=k?datacol=a", "from 1 to 65535"
                        "mysql://u:s3cret@h/d/table=t?keycol=k", "datacol= is missing"
                        "mysql://u:s3cret@h/d/table=t; DROP?keycol=k?datacol=a", "no name of SQL"
                        "mysql://u:s3cret@h", "at character"
                        "mysql:s3cret", "at character"
                        "mysql:://u:s3cret@h/d/table=t?keycol=k?datacol=a", "at character"
                        "", "at character"
                    ]
        ]

let private query = SqlQuery.Written "SELECT a FROM t WHERE k = @key"

let private file =
    let parse (text: string) =
        SqlFile.parse (text.Split '\n' |> List.ofArray)

    testList
        "files of SQL"
        [
            yield!
                places
                    parse
                    [
                        "# ours\nconnection = mysql://u:s3cret@h/d\nquery = SELECT a FROM t\n  WHERE k = @key",
                        sql SqlBackend.MySql "u" "s3cret" "h" ValueNone "d" false query
                        "tls=yes\n\nquery=SELECT a FROM t WHERE k = @key\nconnection=pgsql://h/d",
                        sql SqlBackend.PostgreSql "" "" "h" ValueNone "d" true query
                    ]
            yield!
                isRefused
                    parse
                    [
                        "query = SELECT @key", "connection is missing"
                        "connection = mysql://u:s3cret@h/d", "query is missing"
                        "connection = mysql://u:s3cret@h/d\nquery = SELECT 1", "neither @key nor @keys"
                        "connection = mysql://u:s3cret@h/d\nquery = SELECT @key\ntls = maybe", "write yes or no"
                        "connection = mysql://u:s3cret@h/d\npassword = s3cret", "line 2: "
                        "connection = db2://u:s3cret@h/d\nquery = SELECT @key", "connection: "
                    ]
        ]

let private directory servers place scope filter attributes =
    Store.Ldap
        {
            Servers = servers
            Base = place
            Scope = scope
            Filter = filter
            Attributes = attributes
            Account = LdapAccount.Anonymous
            StartTls = false
            Keepalive = LdapKeepalive.System
        }

let private server tls host port : LdapServer = { Tls = tls; Host = host; Port = port }

let private ldap =
    testList
        "ldap"
        [
            yield!
                places
                    LdapUrl.parse
                    [
                        "ldap://h/dc=x?a,b,?sub?(cn=$d)",
                        directory [ server false "h" 389 ] "dc=x" LdapScope.Sub "(cn=$d)" [ "a"; "b" ]
                        "ldaps://[::1]:1636/$D?a ldap://b:390 ldap://c/dc=ignored",
                        directory
                            [ server true "::1" 1636; server false "b" 390; server false "c" 389 ]
                            "$D"
                            LdapScope.Base
                            "(objectClass=*)"
                            [ "a" ]
                        "ldapi://%2Frun%2Fldapi/dc=x?a?one?(cn=$d)",
                        directory [ server false "/run/ldapi" 0 ] "dc=x" LdapScope.One "(cn=$d)" [ "a" ]
                    ]
            yield!
                isRefused
                    LdapUrl.parse
                    [
                        "", "there is no URL"
                        "http://h/dc=x?a?sub?(cn=$d)", "at character 1"
                        "ldap://h:0/dc=x?a?sub?(cn=$d)", "from 1 to 65535"
                        "ldap://h/dc=x?a?all?(cn=$d)", "no scope all"
                        "ldap://h/dc=x??sub?(cn=$d)", "an attribute has no name"
                        "ldap://h/dc=x?a?sub?(cn=x)", "every text would find the same"
                        "ldap://h/dc=x?a?sub?(cn=$d)?x", "extensions"
                        "ldap://h/$d?a" + String.replicate 8 " ldap://h", "more than 8"
                    ]
        ]

let private redisOf user password port tls layout =
    Store.Redis(
        {
            Host = "h"
            Port = port
            User = user
            Password = Secret.Of password
            Tls = tls
        },
        layout
    )

let private redis =
    testList
        "redis"
        [
            yield!
                places
                    RedisUrl.parse
                    [
                        "redis://h", redisOf "" "" 6379 false (RedisLayout.Prefixed "")
                        "rediss://u:s3%40cret@h:1/dkim", redisOf "u" "s3@cret" 1 true (RedisLayout.Prefixed "dkim")
                        "redis://:pw@h/p", redisOf "" "pw" 6379 false (RedisLayout.Prefixed "p")
                        "rspamd+redis://h/K", redisOf "" "" 6379 false (RedisLayout.Rspamd("K", "DKIM_SELECTORS"))
                        "rspamd+rediss://h/K?selector=S", redisOf "" "" 6379 true (RedisLayout.Rspamd("K", "S"))
                    ]
            yield!
                isRefused
                    RedisUrl.parse
                    [
                        "redis://u:s3cret@h/p?x=1", "behind the ?"
                        "rspamd+redis://u:s3cret@h", "hash of keys is missing"
                        "rspamd+redis://u:s3cret@h/K?x=1", "selector= is expected"
                        "redis://u:s3cret@h:70000/p", "no URL"
                        "s3cret", "no URL"
                    ]
        ]

[<Tests>]
let tests = testList "StorePlaceTests" [ dsn; file; ldap; redis ]
