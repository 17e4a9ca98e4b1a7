/// Headers and bodies just within their limits and just beyond.
module Dkim.Tests.Core.Message.HeaderLimitTests

open System
open Expecto
open Dkim.Tests
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Canonicalization
open Dkim.Core.Programs.Settings
open Dkim.Tests.Core

let private limits =
    {
        Octets = 100<octet>
        Fields = 3
        FieldOctets = 40<octet>
    }

let private header (text: string) =
    let intake = Intake limits
    intake.Feed(ReadOnlySpan(Octets.ofLatin1 text)) |> ignore
    intake.End()
    intake.Header.Value

let private field length = "A:" + String('x', length - 2) + "\r\n"

[<Tests>]
let tests =
    testList
        "HeaderLimitTests"
        [
            testCase "a field as long as it may be" (fun () ->
                Expect.isTrue (header (field 40)).IsOk "40"
                Expect.equal (FieldTooLong("A", 40<octet>)) (Expect.error (header (field 41))))

            testCase "as many fields as there may be" (fun () ->
                Expect.equal 3 (Expect.ok (header (String.replicate 3 (field 5)))).Count
                Expect.equal (TooManyFields 3) (Expect.error (header (String.replicate 4 (field 5)))))

            testCase "a header as long as it may be" (fun () ->
                Expect.isTrue (header (field 40 + field 40 + field 14 + "\r\nbody")).IsOk "100"

                Expect.equal
                    (HeaderTooLong 100<octet>)
                    (Expect.error (header (field 40 + field 40 + field 19 + "\r\nbody"))))

            testCase "the empty line is found wherever the text is cut" (fun () ->
                let text = Octets.ofLatin1 (field 10 + "\r\n\r\nbody")

                for cut in 0 .. text.Length do
                    let intake = Intake limits
                    let first = intake.Feed(ReadOnlySpan(text, 0, cut))
                    let second = intake.Feed(ReadOnlySpan(text, cut, text.Length - cut))
                    Expect.equal 1 (Expect.ok intake.Header.Value).Count
                    Expect.equal 14L<octet> intake.BodyAt
                    Expect.equal 14 (first + second))

            testCase "a body is kept while it is no longer than it may be" (fun () ->
                let kept length =
                    let body = KeptBody(SimpleBody, 10)
                    body.Feed(ReadOnlySpan(Octets.ofLatin1 (String('x', length) + "\r\n")))
                    body.Finish()

                Expect.equal 10 (kept 8).Value.Length
                Expect.isTrue (kept 9).IsNone "9")
        ]
