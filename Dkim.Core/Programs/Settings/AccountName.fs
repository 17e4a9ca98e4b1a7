/// Users and groups as settings name them (`USER[:GROUP]`, as chown(1) does).
namespace Dkim.Core.Programs.Settings

open System
open System.Globalization
open FParsec
open Dkim.Core.Words

/// A user, a group, or both, by name or number. Without a group it is the user's own.
type AccountName =
    {
        User: string voption
        Group: string voption
    }

module AccountName =
    // What is no name in any user database: names of a directory may have blanks inside no more than colons.
    let private isNameChar c =
        not (Char.IsWhiteSpace c)
        && not (Char.IsControl c)
        && not (":/,;\"'".Contains c)

    /// `name = 1*( any character but blanks, controls and : / , ; " ' )`
    let private name label : Grammar.Parser<string> = many1SatisfyL isNameChar label

    let private group = name "a group"

    /// `account = user [ ":" [ group ] ] / ":" group`
    let private account: Grammar.Parser<AccountName> =
        let ofUser =
            name "a user" .>>. opt (skipChar ':' >>. opt group)
            |>> fun (user, group) ->
                {
                    User = ValueSome user
                    Group = group |> Option.flatten |> Option.toValueOption
                }

        let ofGroup =
            skipChar ':' >>. group
            |>> fun group ->
                {
                    User = ValueNone
                    Group = ValueSome group
                }

        ofUser <|> ofGroup

    /// The id that a name stands for where it is a number. The highest is none: system calls take it for no change.
    let tryId (name: string) : uint32 voption =
        match UInt32.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture) with
        | true, id when id <> UInt32.MaxValue -> ValueSome id
        | _ -> ValueNone

    /// The error has the position.
    let parse (text: string) : Result<AccountName, string> = Grammar.parseAll account text

    let show (account: AccountName) : string =
        let group = account.Group |> ValueOption.map (fun group -> ":" + group)

        ValueOption.defaultValue "" account.User + ValueOption.defaultValue "" group

    /// A group alone. The error has the position.
    let parseGroup (text: string) : Result<string, string> = Grammar.parseAll group text
