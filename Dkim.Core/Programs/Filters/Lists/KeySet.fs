/// A key list that is a data set: a row says the domain of signatures and the file of the key, which is read as it is now.
module internal Dkim.Core.Programs.Filters.Lists.KeySet

open Dkim.Core.Words
open Dkim.Core.Records
open Dkim.Core.Cryptography
open Dkim.Core.Stores
open Dkim.Core.Asking
open Dkim.Core.Tables

// What a message is signed with, and what there is to warn of.
let private ofLine (scheme: Scheme) (line: KeyLine) (reading: KeyReading) : struct (KeySource * string list) =
    let unusable reason =
        let key =
            {
                UnusableKey.Domain = line.Domain
                Selector = line.Selector
                Reason = line.KeyPath + ": " + reason
            }

        struct (KeyList(fun _ -> Error key), [])

    match reading with
    | KeyUnread reason -> unusable reason
    | NoKeyThere -> unusable "there is no private key in it"
    | KeyFound(key, _) when scheme = DomainKeys && key.KeyType <> Rsa -> unusable "DomainKeys signs with RSA alone"
    | KeyFound(key, isOpen) ->
        let named: NamedKey =
            {
                Domain = line.Domain
                Selector = line.Selector
                Key = key
            }

        let told =
            match isOpen with
            | ValueSome whom -> [ line.KeyPath + ": key data is not secure: " + whom ]
            | ValueNone -> []

        struct (KeyList(fun _ -> Ok [ named ]), told)

let private ofRow (scheme: Scheme) (row: Row) : Step<struct (KeySource * string list)> =
    match KeyLine.ofValue scheme row.Value with
    | Error reason -> Done(struct (Unasked("malformed value: " + reason), []))
    | Ok line ->
        let place = KeyAt(line.KeyPath, "")
        Want([ Need.Key place ], (fun found -> Done(ofLine scheme line (found.Key place))))

/// The keys of a sender, and what there is to warn of. `user` and `domain` are the address, the domain in lower case.
let find (scheme: Scheme) (table: Table) (user: string) (domain: string) : Step<struct (KeySource * string list)> =
    let asked =
        match table.Store with
        | ValueNone -> Done table
        | ValueSome store ->
            let question = StoreQuestion.ofForms store (AddressForms.ofSender user domain)
            Step.rows [ question ] (fun found -> table.With(found.RowsOf question))

    asked
    |> Step.bind (fun table ->
        match AddressForms.findSender table user domain with
        | Lookup.Found(row :: _) -> ofRow scheme row
        | Lookup.Found []
        | Lookup.Absent -> Done(struct (KeyList(fun _ -> Ok []), []))
        | Lookup.Unavailable reason -> Done(struct (Unasked reason, [])))
