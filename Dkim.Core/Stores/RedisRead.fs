/// What a server of Redis' protocol is asked for the texts of a look-up, and what its values say.
namespace Dkim.Core.Stores

/// One command, and how it goes on with its values, each in the place of its key, nothing where there is none.
[<RequireQualifiedAccess; NoComparison; NoEquality>]
type RedisStep =
    /// MGET
    | Keys of keys: string list * next: (string voption list -> RedisStep)
    /// HMGET
    | Hash of hash: string * fields: string list * next: (string voption list -> RedisStep)
    | Answered of StoreAnswer

    /// The step after this one.
    member this.Go(values: string voption[]) : RedisStep =
        match this with
        | Keys(_, next)
        | Hash(_, _, next) -> next (List.ofArray values)
        | Answered _ -> this

/// For a host, which has the connection.
module RedisRead =
    let private present (forms: 'form list) (values: string voption list) : ('form * string) list =
        List.zip forms values
        |> List.choose (fun (form, value) ->
            match value with
            | ValueSome value -> Some(form, value)
            | ValueNone -> None)

    let private answered (rows: StoreRow list) =
        RedisStep.Answered(StoreAnswer.Rows rows)

    // A row of KeyTable is made of what rspamd has in two places.
    let private rspamd (keys: string) (selectors: string) (domains: string list) : RedisStep =
        let ofSelectors values =
            match present domains values with
            | [] -> answered []
            | found ->
                let fields = found |> List.map (fun (domain, selector) -> selector + "." + domain)

                RedisStep.Hash(
                    keys,
                    fields,
                    fun values ->
                        present found values
                        |> List.map (fun ((domain, selector), key) ->
                            {
                                Form = domain
                                Fields = [ domain; selector; key ]
                            })
                        |> answered
                )

        RedisStep.Hash(selectors, domains, ofSelectors)

    /// The commands that find these texts.
    [<CompiledName "Start">]
    let start (layout: RedisLayout) (forms: string list) : RedisStep =
        match layout with
        | RedisLayout.Rspamd(keys, selectors) -> rspamd keys selectors forms
        | RedisLayout.Prefixed prefix ->
            let key (form: string) =
                if prefix = "" then form else prefix + ":" + form

            RedisStep.Keys(
                forms |> List.map key,
                fun values ->
                    present forms values
                    |> List.map (fun (form, value) -> { Form = form; Fields = [ value ] })
                    |> answered
            )
