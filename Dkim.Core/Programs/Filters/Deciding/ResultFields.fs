/// The Authentication-Results fields of the filters: how theirs look, and which of others' must go.
module internal Dkim.Core.Programs.Filters.Deciding.ResultFields

open System
open System.Text
open Dkim.Core.Message
open Dkim.Core.Signatures

/// A word that would bring the count of a line to this begins the next line.
[<Literal>]
let private Margin = 75

/// The words of a field. Remarks are folded between their words, too.
let words (results: AuthenticationResults) : string list =
    AuthenticationResults.words results
    |> List.collect (fun word ->
        if word.StartsWith '(' then
            List.ofArray (word.Split ' ')
        else
            [ word ])

/// The field. Its lines are broken as the original breaks them: blanks do not count, and the count begins at 25.
let ofWords (words: string list) : Field =
    let text = StringBuilder(AuthenticationResults.FieldName + ":")
    let mutable count = 25
    let mutable first = true

    for word in words do
        if count + word.Length >= Margin && not first then
            text.Append("\r\n\t").Append word |> ignore
            count <- 8 + word.Length
        else
            text.Append(' ').Append word |> ignore
            count <- count + word.Length

        first <- false

    Field.ofOctets (ReadOnlyMemory(Encoding.UTF8.GetBytes(text.ToString())))

let field (results: AuthenticationResults) : Field = ofWords (words results)

/// Which fields of others are removed.
type Removal =
    {
        /// The service that we are.
        Own: string
        /// Other hosts, and domains with a dot in front, whose fields go as well (RemoveARFrom).
        From: string list
        /// Whatever the results are of (RemoveARAll).
        All: bool
        /// Else only fields with a result of these methods go.
        Methods: string list
    }

/// What becomes of one field.
[<Struct>]
type Fate =
    | Stays
    | Goes
    /// It cannot be read; it goes if it claims to be of ourselves or of one of the hosts.
    | Unreadable of goes: bool

/// What becomes of a field of the name. A field of another method's results in our name stays: it is of a program of this
/// host that saw the message before.
let fate (removal: Removal) (field: Field) : Fate =
    let isClaimed =
        removal.Own :: removal.From
        |> List.exists (fun pattern -> ForgedResults.mayBeOf pattern field)

    match AuthenticationResults.parse field with
    | Error _ -> Unreadable(isClaimed || ForgedResults.isOfOtherVersion field)
    // Nobody can tell what a version that we do not know means, and to whom (RFC 8601 §5).
    | Ok results when ValueOption.exists ((<>) 1) results.Version -> Goes
    | Ok _ ->
        let isOfOthersMethods =
            not removal.All
            && ForgedResults.isBareStart field
            && not (ForgedResults.mayTellOf removal.Methods field)

        if isClaimed && not isOfOthersMethods then Goes else Stays

/// The occurrences of Authentication-Results that go, the last one first, and how many cannot be read.
let removals (removal: Removal) (header: Header) : struct (int list * int) =
    let fates =
        Header.all AuthenticationResults.FieldName header |> List.map (fate removal)

    let going =
        fates
        |> List.indexed
        |> List.choose (fun (index, fate) ->
            match fate with
            | Goes
            | Unreadable true -> Some(index + 1)
            | Stays
            | Unreadable false -> None)

    let unreadable =
        fates |> List.filter (fun fate -> fate <> Stays && fate <> Goes) |> List.length

    struct (List.rev going, unreadable)
