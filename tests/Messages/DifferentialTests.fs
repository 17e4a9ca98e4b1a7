/// Generated and damaged messages before us, dkimpy, Mail::DKIM and OpenDKIM: who differs, differs for a known reason.
module Dkim.Tests.Messages.DifferentialTests

open System
open System.IO
open Expecto
open Dkim.Tests
open Dkim.Core.Words
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Canonicalization
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Qmail
open Dkim.Tests.Peers
open Dkim.Tests.Messages.Differential
open Dkim.Tests.Messages.Differential.Judges

/// Where the run begins; `tools/differ` begins at 1.
[<Literal>]
let private Seed = 1000000

/// A DomainKeys signature of the product's parts at a place in a header of From and Subject.
let private domainKeysBelow (above: int) : Recipe.Recipe =
    {
        Scheme = DomainKeys
        KeyFile = "rsa1024"
        Hash = Sha1
        HeaderForm = NofwsHeader
        BodyForm = NofwsBody
        Tags = [ "a=rsa-sha1"; " c=nofws"; " d=example.com"; " s=rsa1024"; " q=dns"; " b=<b>" ]
        Fields = [ "From: ada@example.com"; "Subject: tides" ]
        Above = above
        Body = "high water at four\r\n"
        Records = [ "k=rsa; p=" + Recipe.keyData "rsa1024" ]
        Failing = false
        Edits = []
        Now = Making.now
    }

/// The page's classes, in its order.
let private onPage () =
    File.ReadAllLines Report.path
    |> Array.skipWhile (fun line -> line <> "## Classes")
    |> Array.takeWhile (fun line -> line <> "## Reduced messages")
    |> Array.filter _.StartsWith("| ")
    |> Array.skip 1
    |> Array.map (fun line -> (line.Split '|' |> Array.item 1).Trim())
    |> List.ofArray

/// In one group with the other tests that start the implementations, since one of those is compiled on the way.
[<Tests>]
let tests =
    testSequencedGroup "peers"
    <| testList
        "DifferentialTests"
        [
            testCase "who differs from us differs in a known way" (fun () ->
                use others = new Others()

                if others.Present.IsEmpty then
                    skiptest "no other implementation is installed"

                let tally = Hunt.run others Seed 2000 (TimeSpan.FromSeconds 60.0)

                Console.Out.WriteLine(
                    string tally.Messages
                    + " messages, "
                    + string tally.Differing
                    + " differing opinions"
                )

                let news =
                    tally.News
                    |> Seq.truncate 5
                    |> Seq.map (Hunt.reduce others >> Hunt.describe)
                    |> String.concat "\n\n"

                Expect.about ("of no class in classes.tsv: " + string tally.NewsCount) (fun () -> Expect.empty news)
                // A comparison in which hardly anything passes, or nobody answers, compares nothing.
                Expect.above tally.Messages (tally.Passed * 5)
                Expect.above tally.Messages tally.Opinions)

            testCase "a seed makes the same message every time" (fun () ->
                for seed in Seed .. Seed + 50 do
                    let make () =
                        Recipe.tryMake (Making.recipe seed)
                        |> ValueOption.map (fun sample -> Octets.latin1 (ReadOnlySpan sample.Octets))

                    Expect.equal (make ()) (make ()))

            testCase "messages are of every algorithm and canonicalization, and of every outcome" (fun () ->
                let made =
                    [ Seed .. Seed + 1500 ]
                    |> List.map Making.recipe
                    |> List.map (fun one -> one.Scheme, one.KeyFile, one.Hash, one.HeaderForm, one.BodyForm)
                    |> List.distinct

                // DKIM: two RSA keys with two hashes and Ed25519 with one, in four canonicalizations; DomainKeys in two.
                Expect.equal (5 * 4 + 2) made.Length)

            // Found by the comparison: a signature covers nothing above it, so such a From was anybody's.
            proves
                [ "RFC4870-3.3-7"; "RFC4870-3.4.2-1" ]
                (testRows
                    "a DomainKeys signature below From says nothing of whom the mail is from"
                    [ (0, "pass"); (1, "not pass") ]
                    (fun (above: int, expected: string) ->
                        use nobody = new Others()

                        match Recipe.tryMake (domainKeysBelow above) with
                        | ValueNone -> failtest "not made"
                        | ValueSome sample ->
                            let hearing = hear nobody sample

                            Expect.about hearing.OurReason (fun () ->
                                Expect.equal expected (Outcome.name hearing.Ours))))

            testCase "the page has the classes of the table" (fun () ->
                let ids = Classes.all.Value |> List.map _.Id
                Expect.equal ids (onPage ())
                Expect.equal ids (List.distinct ids))

            testCase "a class says who differs, in what, and what decides" (fun () ->
                for one in Classes.all.Value do
                    Expect.about one.Id (fun () ->
                        Expect.differs one.Theirs one.Ours
                        Expect.notEmpty one.Conditions
                        Expect.matches @"^(RFC \d+ (§|Appendix )|OpenSSL|erratum )" one.Source
                        Expect.notEmpty one.Why

                        for peer in one.Peers do
                            Expect.has peer [ "dkimpy"; "Mail::DKIM"; "OpenDKIM" ]))
        ]
