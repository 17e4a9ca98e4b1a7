/// What of a message the milters sign: which fields, without old signatures, and with repaired line ends.
module Dkim.Tests.Core.FilterSignedFieldTests

open System
open Expecto
open Dkim.Tests
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Signatures
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Filters.Milter
open Dkim.Core.Programs.Filters
open Dkim.Tests.Core
open Dkim.Tests.FilterPassages
open Dkim.Tests.Core.FilterExamples

let private names (ran: Ran) : string list =
    match tag "h" ran with
    | ValueSome text -> List.ofArray ((TagList.withoutWhiteSpace text).Split ':')
    | ValueNone -> []

[<Tests>]
let tests =
    testList
        "FilterSignedFieldTests"
        [
            testCase "RFC6376-5.4.2-2 the names of h= are those of the message, each as often as it is there" (fun () ->
                let mail =
                    "Received: x\nTO: a@b\nFrom: joe@example.com\nComments: c\nX-Other: x\nList-Id: <l>\ncc: a\ncc: b\n\nbody\n"

                Expect.equal [ "TO"; "From"; "List-Id"; "cc"; "cc" ] (names (runWith policy local mail)))

            testCase "RFC6376-5.4.1-1 every field that should be signed is" (fun () ->
                // Written out, not the product's own list: a field that is missing there must be missed here.
                let recommended =
                    [
                        "From"
                        "Sender"
                        "Reply-To"
                        "Subject"
                        "Date"
                        "Message-ID"
                        "To"
                        "Cc"
                        "MIME-Version"
                    ]
                    @ [
                        "Content-Type"
                        "Content-Transfer-Encoding"
                        "Content-ID"
                        "Content-Description"
                    ]
                    @ [
                        "Resent-Date"
                        "Resent-From"
                        "Resent-Sender"
                        "Resent-To"
                        "Resent-Cc"
                        "Resent-Message-ID"
                    ]
                    @ [ "In-Reply-To"; "References" ]
                    @ [
                        "List-Id"
                        "List-Help"
                        "List-Unsubscribe"
                        "List-Subscribe"
                        "List-Post"
                        "List-Owner"
                        "List-Archive"
                    ]

                let mail =
                    String.Join("\n", recommended |> List.map (fun name -> name + ": joe@example.com"))
                    + "\n\nbody\n"

                Expect.equal recommended (names (runWith policy local mail)))

            testCase "RFC6376-5.4-2 what changes on the way is not signed, even where all is" (fun () ->
                let left =
                    [
                        "Return-Path"
                        "Received"
                        "Comments"
                        "Keywords"
                        "Bcc"
                        "Resent-Bcc"
                        "DKIM-Signature"
                    ]

                let mail =
                    String.Join("\n", left |> List.map (fun name -> name + ": x"))
                    + "\nX-A: y\n"
                    + plain

                let all =
                    signing (fun signing ->
                        { signing with
                            SignHeaders = ValueSome [ Pattern.ofText "*" ]
                        })

                let signedNames = names (runWith all local mail)
                Expect.contains "X-A" (String.Join(' ', signedNames))

                for name in left do
                    Expect.isTrue (not (List.contains name signedNames)) name)

            testCase "SignHeaders replaces the list, OmitHeaders takes from it, From stays" (fun () ->
                let patterns texts =
                    ValueSome(List.map Pattern.ofText texts)

                let only =
                    signing (fun signing ->
                        { signing with
                            SignHeaders = patterns [ "X-*"; "Subject" ]
                            OmitHeaders = patterns [ "x-b*"; "From" ]
                        })

                let mail = "X-A: 1\nX-B: 2\nX-Bc: 3\n" + plain
                Expect.equal [ "X-A"; "From"; "Subject" ] (names (runWith only local mail)))

            testCase "RFC6376-5.4-4 AlwaysSignHeaders are named once where the message has none" (fun () ->
                let always =
                    signing (fun signing ->
                        { signing with
                            AlwaysSignHeaders = [ FieldName.known "Reply-To"; FieldName.known "subject" ]
                        })

                let found = names (runWith always local plain)
                Expect.equal 1 (found |> List.filter ((=) "Reply-To") |> List.length)
                Expect.isTrue (not (List.contains "subject" found)) "the message has a Subject")

            testCase "RFC6376-5.4.2-3 OverSignHeaders are named once more than they are there" (fun () ->
                let over =
                    signing (fun signing ->
                        { signing with
                            OverSignHeaders = [ FieldName.known "From"; FieldName.known "X-None" ]
                        })

                let found = names (runWith over local plain)
                Expect.equal 2 (found |> List.filter ((=) "From") |> List.length)
                Expect.equal 1 (found |> List.filter ((=) "X-None") |> List.length)
                let mail = signedBy over plain
                let ran = runWith policy arriving.Value ("From: eve@example.com\r\n" + mail)
                Expect.contains "dkim=fail" (ran.Value "Authentication-Results"))

            testCase "RFC6376-5.4-3 old signatures are deleted from the last, before the new one comes" (fun () ->
                let removing =
                    signing (fun signing ->
                        { signing with
                            RemoveOldSignatures = true
                            SignHeaders = ValueSome [ Pattern.ofText "*" ]
                            OmitHeaders = ValueSome []
                        })

                let mail = "DKIM-Signature: a\nX: y\ndkim-signature: b\n" + plain + ""
                let ran = runWith removing local ("DKIM-Signature: c\n" + mail)

                match ran.Changes with
                | [ Deleted(_, 3); Deleted(_, 2); Deleted(_, 1); Inserted(0, field) ] ->
                    Expect.isTrue (field.StartsWith "DKIM-Signature: v=1") field
                    Expect.isTrue (not (List.contains "DKIM-Signature" (names ran))) "what goes is not signed"
                | other -> failtest (string (box other)))

            testCase "RFC6376-5.3-2 line ends are repaired before they are hashed" (fun () ->
                let fixing = { policy with FixLineEnds = true }
                // As it is, and as the MTA will send it.
                let bare = crlf (plain.Replace("body\n", "")) + "one\ntwo\rthree\r\n"
                let whole = crlf (plain.Replace("body\n", "one\ntwo\nthree\n"))

                let signature =
                    let parts = DkimFilter.parts fixing
                    use message = new MilterMessage(parts, local.Client)

                    let header =
                        Header.ofBlock (
                            ReadOnlyMemory(Octets.ofLatin1 (bare.Substring(0, bare.IndexOf "\r\n\r\n" + 2)))
                        )

                    for field in header.Fields do
                        message.Field(ReadOnlySpan(Octets.ofLatin1 field.Name), field.Value, true)

                    message.EndOfHeader(MilterMacros(), now)
                    // A line end may be cut in two.
                    for octet in Octets.ofLatin1 "one\ntwo\rthree\r\n" do
                        message.Feed(ReadOnlySpan [| octet |])

                    message.End()
                    let fields = Collections.Generic.List<string>()

                    message.Decision.Tell
                        { new IMilterReply with
                            member _.Insert(_, field) =
                                fields.Add(Octets.latin1 field.Raw.Span)

                            member _.Delete(_, _) = ()
                            member _.Quarantine _ = ()
                            member _.RemoveRecipient _ = ()
                            member _.AddRecipient _ = ()
                            member _.Send _ = ()
                            member _.Keep(_, _) = ()
                            member _.Accept() = ()
                            member _.Refuse(_, _, _) = ()
                            member _.TempFail() = ()
                            member _.Discard() = ()
                        }

                    fields[0]

                let ran = runWith policy arriving.Value (signature + "\r\n" + whole)
                Expect.contains "dkim=pass" (ran.Value "Authentication-Results"))
        ]
