/// What the core may wish to know of the world, and what a host found of it. The core never asks by itself.
namespace Dkim.Core.Asking

open System.Collections.Generic
open System.Collections.ObjectModel
open System.Net
open Dkim.Core.Dns
open Dkim.Core.Cryptography
open Dkim.Core.Stores

/// One thing to find out. These are all that there are.
[<RequireQualifiedAccess; NoComparison>]
type Need =
    /// A name to look up in the DNS.
    | Lookup of Question
    /// A name that one server is asked for, without recursion.
    | Direct of DirectQuestion
    /// A file to read.
    | File of WantedFile
    /// A private key that a table names, as it is now.
    | Key of KeyPlace
    /// Texts to look up in a data set that another process has.
    | Rows of StoreQuestion
    /// Whether a client of this address has logged in by POP a while ago (POP before SMTP).
    | Login of IPAddress
    /// How many reports may be sent now, at most so many. Asking uses them up.
    | Reports of most: int

/// What was found. What is missing here was not asked, or had no answer.
[<NoComparison; NoEquality>]
type Found =
    {
        Answers: IReadOnlyDictionary<Question, Answer>
        Replies: IReadOnlyDictionary<DirectQuestion, DirectAnswer>
        Files: IReadOnlyDictionary<WantedFile, FileContents>
        Keys: IReadOnlyDictionary<KeyPlace, KeyReading>
        Rows: IReadOnlyDictionary<StoreQuestion, StoreAnswer>
        /// The addresses that have logged in.
        Logins: IReadOnlySet<IPAddress>
        /// So many reports may be sent.
        Reports: int
    }

    static member val Nothing: Found =
        {
            Answers = ReadOnlyDictionary.Empty
            Replies = ReadOnlyDictionary.Empty
            Files = ReadOnlyDictionary.Empty
            Keys = ReadOnlyDictionary.Empty
            Rows = ReadOnlyDictionary.Empty
            Logins = ReadOnlySet.Empty
            Reports = 0
        }

    static member OfAnswers(answers: IReadOnlyDictionary<Question, Answer>) : Found =
        { Found.Nothing with Answers = answers }

    static member OfReplies(replies: IReadOnlyDictionary<DirectQuestion, DirectAnswer>) : Found =
        { Found.Nothing with Replies = replies }

    static member OfFiles(files: IReadOnlyDictionary<WantedFile, FileContents>) : Found =
        { Found.Nothing with Files = files }

    static member OfRows(rows: IReadOnlyDictionary<StoreQuestion, StoreAnswer>) : Found =
        { Found.Nothing with Rows = rows }

    /// The answer to a question; one that was not asked is unavailable.
    member this.Answer(question: Question) : Answer =
        match this.Answers.TryGetValue question with
        | true, answer -> answer
        | false, _ -> Answer.Unavailable "not asked"

    /// The reply of a server; one that was not asked has none.
    member this.Reply(question: DirectQuestion) : DirectAnswer =
        match this.Replies.TryGetValue question with
        | true, reply -> reply
        | false, _ -> DirectAnswer.Failed("not asked", false)

    /// A file as it was found; one that was not asked for cannot be read.
    member this.File(file: WantedFile) : FileContents =
        match this.Files.TryGetValue file with
        | true, contents -> contents
        | false, _ -> FileContents.Unreadable "not asked for"

    /// What a store has of the texts of a question; one that was not asked is unavailable.
    member this.RowsOf(question: StoreQuestion) : StoreAnswer =
        match this.Rows.TryGetValue question with
        | true, answer -> answer
        | false, _ -> StoreAnswer.Unavailable "not asked"

    /// A key as it was found; one that was not asked for cannot be read.
    member this.Key(place: KeyPlace) : KeyReading =
        match this.Keys.TryGetValue place with
        | true, reading -> reading
        | false, _ -> KeyUnread "not asked for"
