/// The rows of opendkim's own switches (opendkim.conf(5), opendkim(8)).
module internal Dkim.Core.Programs.Filters.OpenDkim.Settings.OwnRows

open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Records
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Filters.Values
open Dkim.Core.Programs.Filters.Values.Rows

let private yes name get put (summary: string) : Setting<OwnSettings> =
    switch name get put |> key |> Setting.says summary

/// Of signing.
let signing: Setting<OwnSettings> list =
    [
        yes
            "MultipleSignatures"
            _.MultipleSignatures
            (fun v s -> { s with MultipleSignatures = v })
            "sign with every key that SigningTable has for a sender"
        yes
            "CheckSigningTable"
            _.ChecksSigningTable
            (fun v s -> { s with ChecksSigningTable = v })
            "look at the start whether every key that SigningTable names is in KeyTable"
        yes
            "RequireSafeKeys"
            _.RequireSafeKeys
            (fun v s -> { s with RequireSafeKeys = v })
            "refuse a key that other users can read or replace"
        |> Setting.detail "Without it such a key signs, and the log warns of it."
    ]

let private address: Codec<Address> =
    {
        Shape = "ADDRESS"
        Parse =
            fun text ->
                match Originator.tryFirstLenient (Field.ofText "From" (" " + text)) with
                | ValueSome address when address.Domain <> "" -> Ok address
                | ValueSome _
                | ValueNone -> Error(text + ": no mail address")
        Show = fun address -> address.ToString()
    }

let private naming: Codec<SignerNaming> =
    {
        Shape = "sha256|sha1|none"
        Parse =
            fun text ->
                match ThirdParty.namingOf (text.ToLowerInvariant()) with
                | ValueSome naming -> Ok naming
                | ValueNone -> Error("unknown ATPS hash \"" + text + "\"")
        Show = ThirdParty.namingName
    }

/// Of who sent a message.
let sender: Setting<OwnSettings> list =
    [
        Setting.optional "SenderMacro" (Codec.text "MACRO") _.SenderMacro (fun v s -> { s with SenderMacro = v })
        |> key
        |> Setting.says "the sender is the value of this macro of the MTA"
        |> Setting.detail "Where the macro is not set, SenderHeaders count."
        Setting.optional "DefaultSender" address _.DefaultSender (fun v s -> { s with DefaultSender = v })
        |> key
        |> Setting.says "the sender of a message with none of the fields of SenderHeaders"
    ]

/// Of what signatures have beside what other settings say.
let signatures: Setting<OwnSettings> list =
    [
        Setting.make "SelectCanonicalizationHeader" (Codec.text "NAME") _.CanonicalizationField (fun v s ->
            { s with CanonicalizationField = v })
        |> key
        |> Setting.says "a field of a message that takes the place of Canonicalization for it"
        |> Setting.detail "A value that is no canonicalization counts as none."
        yes
            "RequestReports"
            _.RequestReports
            (fun v s -> { s with RequestReports = v })
            "ask for reports of failures in signatures (r=y, RFC 6651)"
        Setting.make "ATPSHashAlgorithm" naming _.SignerNaming (fun v s -> { s with SignerNaming = v })
        |> key
        |> Setting.says "how the records of the domains of ATPSDomains name us"
    ]

/// Of mail whose signature is bad.
let failures: Setting<OwnSettings> list =
    [
        Setting.optional "RedirectFailuresTo" address _.RedirectFailuresTo (fun v s ->
            { s with RedirectFailuresTo = v })
        |> key
        |> Setting.says "who gets mail with a bad signature in place of its recipients"
        |> Setting.detail
            "They stand in fields Original-Recipient. On-BadSignature goes first: what it refuses goes to nobody. The MTA must \
             let milters change recipients (ADDRCPT, DELRCPT)."
    ]

/// Of mail that is not as it should be.
let format: Setting<OwnSettings> list =
    [
        yes
            "StrictHeaders"
            _.StrictHeaders
            (fun v s -> { s with StrictHeaders = v })
            "neither sign nor verify a message with fields too many or too few (RFC 5322)"
        switch "RequiredHeaders" _.RequiredHeaders (fun v s -> { s with RequiredHeaders = v })
        |> both 'r'
        |> Setting.says "refuse a message with fields too many or too few (RFC 5322)"
        yes
            "WeakSyntaxChecks"
            _.WeakSyntaxChecks
            (fun v s -> { s with WeakSyntaxChecks = v })
            "go on with a message whose From cannot be read"
        yes
            "IgnoreMalformedMail"
            _.IgnoreMalformedMail
            (fun v s -> { s with IgnoreMalformedMail = v })
            "let a message that cannot be handled pass without a field that says so"
    ]

/// Of results.
let results: Setting<OwnSettings> list =
    [
        yes
            "KeepAuthResults"
            _.KeepAuthResults
            (fun v s -> { s with KeepAuthResults = v })
            "remove no Authentication-Results"
        |> Setting.weakWhen _.KeepAuthResults "KeepAuthResults: results that a sender has forged in our name stay"
        yes "NoHeaderB" _.NoHeaderB (fun v s -> { s with NoHeaderB = v }) "leave header.b out of results"
        yes
            "LogResults"
            _.LogResults
            (fun v s -> { s with LogResults = v })
            "log the result of every signature on one line"
        yes "X-Header" _.OldXHeader (fun v s -> { s with OldXHeader = v }) "the old name of SoftwareHeader"
        |> Setting.weakWhen _.OldXHeader "\"X-Header\" deprecated; use \"SoftwareHeader\" instead"
    ]

/// Options of one letter that only ask, or change a start.
let options: Setting<OpenDkimSettings> list =
    [
        Setting.optional
            "e"
            (Codec.text "KEY")
            (fun s ->
                match s.Inquiry with
                | ValueOf key -> ValueSome key
                | NoInquiry
                | Lookups -> ValueNone)
            (fun v s ->
                match v with
                | ValueSome key -> { s with Inquiry = ValueOf key }
                | ValueNone -> s)
        |> letter 'e'
        |> Setting.says "print the value of a key of the file, and exit"
        Setting.flag "Q" (fun s -> s.Inquiry = Lookups) (fun v s -> if v then { s with Inquiry = Lookups } else s)
        |> letter 'Q'
        |> Setting.says "look up in a data set what standard input says, and exit"
        |> Setting.detail
            "The first line is a data set, each further line KEY/N: every one of N fields is printed in quotes, on a line of \
             its own."
        Setting.flag "g" (fun s -> not s.Own.ChecksSigningTable) (fun v s ->
            { s with
                Own.ChecksSigningTable = not v
            })
        |> letter 'g'
        |> Setting.says "as CheckSigningTable no"
        Setting.flag "G" _.Own.WalksStores (fun v s ->
            { s with
                Own.ChecksSigningTable = v || s.Own.ChecksSigningTable
                Own.WalksStores = v
            })
        |> letter 'G'
        |> Setting.says
            "as CheckSigningTable yes; with -n look at every row of SigningTable and KeyTable in stores, too"
        |> Setting.detail
            "Every row that cannot be meant is told, and every key that is missing. Rows of a directory, of Redis, Berkeley DB, LMDB \
             or a service cannot be listed; keys that are there are asked for by their names. 100,000 rows are the most."
        Setting.inert "X" Arity.Flag Codecs.switch.Shape "No key is refused for its age."
        |> letter 'X'
    ]
