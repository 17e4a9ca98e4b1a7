/// What opendkim does about a result (opendkim.conf(5) On-*).
namespace Dkim.Core.Programs.Filters.OpenDkim.Settings

open Dkim.Core.Programs.Settings

[<Struct; RequireQualifiedAccess>]
type internal Action =
    | Accept
    | Discard
    | Quarantine
    | Reject
    | TempFail

/// The action for each kind of result.
type internal Actions =
    {
        BadSignature: Action
        DnsError: Action
        KeyNotFound: Action
        NoSignature: Action
        InternalError: Action
        Security: Action
        SignatureError: Action
    }

module internal Actions =
    let defaults: Actions =
        {
            BadSignature = Action.Accept
            DnsError = Action.TempFail
            KeyNotFound = Action.Accept
            NoSignature = Action.Accept
            InternalError = Action.TempFail
            Security = Action.TempFail
            SignatureError = Action.Reject
        }

    let private words: (string * Action) list =
        [
            "accept", Action.Accept
            "discard", Action.Discard
            "quarantine", Action.Quarantine
            "reject", Action.Reject
            "tempfail", Action.TempFail
        ]

    let private codec: Codec<Action> =
        {
            Shape = "accept|discard|quarantine|reject|tempfail"
            Parse =
                fun text ->
                    let word = text.ToLowerInvariant()

                    words
                    |> List.tryFind (fun (name, _) -> name = word || name.Substring(0, 1) = word)
                    |> function
                        | Some(_, action) -> Ok action
                        | None -> Error("unknown action \"" + text + "\"")
            Show = fun action -> words |> List.find (snd >> (=) action) |> fst
        }

    let private every (action: Action) : Actions =
        {
            BadSignature = action
            DnsError = action
            KeyNotFound = action
            NoSignature = action
            InternalError = action
            Security = action
            SignatureError = action
        }

    let private row name get put (what: string) : Setting<Actions> =
        Setting.make name codec get put
        |> Setting.spelled [ Spelling.Key name ]
        |> Setting.overlaps Overlap.Part
        |> Setting.says ("what to do with a message " + what)

    /// The rows. On-Default counts before the others, wherever it stands.
    let rows: Setting<Actions> list =
        [
            { Setting.make "On-Default" codec _.BadSignature (fun v _ -> every v) with
                Show = fun _ -> []
            }
            |> Setting.spelled [ Spelling.Key "On-Default" ]
            |> Setting.overlaps Overlap.Blanket
            |> Setting.says "what to do with a message that any of the other On- keys tells of"
            row
                "On-BadSignature"
                _.BadSignature
                (fun v s -> { s with BadSignature = v })
                "whose signature does not verify"
            row "On-DNSError" _.DnsError (fun v s -> { s with DnsError = v }) "whose key cannot be looked up now"
            row "On-KeyNotFound" _.KeyNotFound (fun v s -> { s with KeyNotFound = v }) "whose key is not in the DNS"
            row "On-NoSignature" _.NoSignature (fun v s -> { s with NoSignature = v }) "without a signature"
            row
                "On-InternalError"
                _.InternalError
                (fun v s -> { s with InternalError = v })
                "that we cannot work on now"
            row "On-Security" _.Security (fun v s -> { s with Security = v }) "whose header is too large"
            row
                "On-SignatureError"
                _.SignatureError
                (fun v s -> { s with SignatureError = v })
                "that its key cannot sign"
        ]
