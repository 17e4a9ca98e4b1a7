/// How the milters' settings write what is done about a result. Refusals are in the originals' words.
module internal Dkim.Core.Programs.Filters.Values.DispositionCodecs

open Dkim.Core.Records
open Dkim.Core.Programs.Settings

let private actionWords =
    [
        "accept", Disposition.Accept
        "discard", Disposition.Discard
        "reject", Disposition.Reject
        "tempfail", Disposition.TempFail
    ]

let private showAction action =
    actionWords |> List.find (snd >> (=) action) |> fst

let private tryAction (text: string) : Disposition voption =
    let word = text.ToLowerInvariant()

    match
        actionWords
        |> List.tryFind (fun (name, _) -> name = word || name.Substring(0, 1) = word)
    with
    | Some(_, action) -> ValueSome action
    | None -> ValueNone

let action: Codec<Disposition> =
    {
        Shape = "accept|discard|reject|tempfail"
        Parse =
            fun text ->
                match tryAction text with
                | ValueSome action -> Ok action
                | ValueNone -> Error("invalid configuration value `" + text + "'")
        Show = showAction
    }

/// The same action for every result.
let everyAction (action: Disposition) : Dispositions =
    {
        BadSignature = action
        DnsError = action
        InternalError = action
        NoSignature = action
        Security = action
        SignatureMissing = action
    }

/// The result that dk-filter alone has; dkim-filter gave it up with 2.6.0.
[<Literal>]
let private SignatureMissing = "signaturemissing"

let private isResultOf (scheme: Scheme) (name: string) =
    scheme = DomainKeys || name <> SignatureMissing

type private ResultRow =
    {
        Name: string
        Short: string
        Get: Dispositions -> Disposition
        Put: Disposition -> Dispositions -> Dispositions
    }

let private resultRows =
    let result name short get put =
        {
            Name = name
            Short = short
            Get = get
            Put = put
        }

    [
        result "badsignature" "bad" _.BadSignature (fun v s -> { s with BadSignature = v })
        result "dnserror" "dns" _.DnsError (fun v s -> { s with DnsError = v })
        result "internal" "int" _.InternalError (fun v s -> { s with InternalError = v })
        result "nosignature" "no" _.NoSignature (fun v s -> { s with NoSignature = v })
        result "security" "sec" _.Security (fun v s -> { s with Security = v })
        result SignatureMissing "miss" _.SignatureMissing (fun v s -> { s with SignatureMissing = v })
        result "default" "def" _.Security (fun v _ -> everyAction v)
    ]

let private withAction scheme (sofar: Result<Dispositions, string>) (item: string) : Result<Dispositions, string> =
    let pair = item.Split('=', 2)

    match sofar with
    | Error _ -> sofar
    | Ok _ when pair.Length < 2 || pair[0].Trim() = "" -> Error "syntax error in configuration string"
    | Ok actions ->
        let word = pair[0].Trim().ToLowerInvariant()

        match
            resultRows
            |> List.tryFind (fun result -> (result.Name = word || result.Short = word) && isResultOf scheme result.Name)
        with
        | None -> Error("invalid configuration parameter `" + pair[0].Trim() + "'")
        | Some result ->
            action.Parse(pair[1].Trim())
            |> Result.map (fun value -> result.Put value actions)

/// `result=action[,...]`, from the left to the right, on top of some that hold without it.
let actions (scheme: Scheme) (start: Dispositions) : Codec<Dispositions> =
    let show (actions: Dispositions) =
        resultRows
        |> List.filter (fun result -> result.Name <> "default" && isResultOf scheme result.Name)
        |> List.map (fun result -> result.Name + "=" + showAction (result.Get actions))
        |> String.concat ","

    {
        Shape = "RESULT=ACTION,..."
        Parse = fun text -> text.Split ',' |> Array.fold (withAction scheme) (Ok start)
        Show = show
    }
