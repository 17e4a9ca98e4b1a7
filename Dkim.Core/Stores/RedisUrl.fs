/// `redis:`, a data set in a server of Redis' protocol: `redis://[USER[:PASSWORD]@]HOST[:PORT][/PREFIX]`, and as rspamd has its keys
/// `rspamd+redis://HOST[:PORT]/HASH[?selector=HASH]`; `rediss` and `rspamd+rediss` by TLS.
module Dkim.Core.Stores.RedisUrl

open System
open Dkim.Core.Words

let private port = 6379

let private part (text: string) = Uri.UnescapeDataString text

let private layout (url: Uri) : Result<RedisLayout, string> =
    let path = part (url.AbsolutePath.TrimStart '/')
    let wanted = "?selector="

    if not (url.Scheme.StartsWith("rspamd+", StringComparison.Ordinal)) then
        if url.Query = "" then
            Ok(RedisLayout.Prefixed path)
        else
            Error "what stands behind the ? is not known"
    elif path = "" then
        Error "the name of the hash of keys is missing, such as DKIM_KEYS"
    elif url.Query = "" then
        Ok(RedisLayout.Rspamd(path, "DKIM_SELECTORS"))
    elif
        url.Query.StartsWith(wanted, StringComparison.Ordinal)
        && url.Query.Length > wanted.Length
    then
        Ok(RedisLayout.Rspamd(path, part (url.Query.Substring wanted.Length)))
    else
        Error "selector= is expected behind the ?"

let private source (url: Uri) : RedisSource =
    let account = url.UserInfo.Split(':', 2)

    {
        Host = url.Host.TrimStart('[').TrimEnd ']'
        Port = if url.Port > 0 then url.Port else port
        User = part account[0]
        Password = Secret.Of(if account.Length > 1 then part account[1] else "")
        Tls = url.Scheme.EndsWith("rediss", StringComparison.Ordinal)
    }

/// A whole URL.
let parse (text: string) : Result<Store, string> =
    match Uri.TryCreate(text, UriKind.Absolute) with
    | true, NonNull url when url.Host <> "" -> layout url |> Result.map (fun layout -> Store.Redis(source url, layout))
    | _ -> Error "this is no URL; write redis://HOST:PORT/PREFIX"
