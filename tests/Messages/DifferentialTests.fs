/// Generated and damaged messages before us, dkimpy, Mail::DKIM and OpenDKIM: who differs, differs for a known reason.
module Dkim.Messages.DifferentialTests

open System
open System.IO
open NUnit.Framework
open Dkim.Core
open Dkim.Messages.Peers
open Dkim.Messages.Differential
open Dkim.Messages.Differential.Judges

/// Where the run begins; `./differ` begins at 1.
[<Literal>]
let private Seed = 1000000

[<Test>]
let ``who differs from us differs in a known way`` () =
    use others = new Others()

    if others.Present.IsEmpty then
        Assert.Ignore "no other implementation is installed"

    let tally = Hunt.run others Seed 2000 (TimeSpan.FromSeconds 60.0)

    TestContext.Out.WriteLine(
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

    Assert.That(news, Is.Empty, "of no class in classes.tsv: " + string tally.NewsCount)
    // A comparison in which hardly anything passes, or nobody answers, compares nothing.
    Assert.That(tally.Passed * 5, Is.GreaterThan tally.Messages)
    Assert.That(tally.Opinions, Is.GreaterThan tally.Messages)

[<Test>]
let ``a seed makes the same message every time`` () =
    for seed in Seed .. Seed + 50 do
        let make () =
            Recipe.tryMake (Making.recipe seed)
            |> ValueOption.map (fun sample -> Octets.latin1 (ReadOnlySpan sample.Octets))

        Assert.That(make (), Is.EqualTo(box (make ())))

[<Test>]
let ``messages are of every algorithm and canonicalization, and of every outcome`` () =
    let made =
        [ Seed .. Seed + 1500 ]
        |> List.map Making.recipe
        |> List.map (fun one -> one.Scheme, one.KeyFile, one.Hash, one.HeaderForm, one.BodyForm)
        |> List.distinct

    // DKIM: two RSA keys with two hashes and Ed25519 with one, in four canonicalizations; DomainKeys in two.
    Assert.That(made.Length, Is.EqualTo(5 * 4 + 2))

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

// Found by the comparison: a signature covers nothing above it, so such a From was anybody's.
[<TestCase(0, "pass"); Category "RFC4870-3.3-7">]
[<TestCase(1, "not pass"); Category "RFC4870-3.4.2-1">]
let ``a DomainKeys signature below From says nothing of whom the mail is from`` (above: int, expected: string) =
    use nobody = new Others()

    match Recipe.tryMake (domainKeysBelow above) with
    | ValueNone -> Assert.Fail "not made"
    | ValueSome sample ->
        let hearing = hear nobody sample
        Assert.That(Outcome.name hearing.Ours, Is.EqualTo expected, hearing.OurReason)

/// The page's classes, in its order.
let private onPage () =
    File.ReadAllLines Report.path
    |> Array.skipWhile (fun line -> line <> "## Classes")
    |> Array.takeWhile (fun line -> line <> "## Reduced messages")
    |> Array.filter _.StartsWith("| ")
    |> Array.skip 1
    |> Array.map (fun line -> (line.Split '|' |> Array.item 1).Trim())
    |> List.ofArray

[<Test>]
let ``the page has the classes of the table`` () =
    let ids = Classes.all.Value |> List.map _.Id
    Assert.That(onPage (), Is.EqualTo(box ids))
    Assert.That(List.distinct ids, Is.EqualTo(box ids))

[<Test>]
let ``a class says who differs, in what, and what decides`` () =
    for one in Classes.all.Value do
        Assert.That(one.Ours, Is.Not.EqualTo(box one.Theirs), one.Id)
        Assert.That(one.Conditions, Is.Not.Empty, one.Id)
        Assert.That(one.Source, Does.Match @"^(RFC \d+ (§|Appendix )|OpenSSL|erratum )", one.Id)
        Assert.That(one.Why, Is.Not.Empty, one.Id)

        for peer in one.Peers do
            Assert.That([ "dkimpy"; "Mail::DKIM"; "OpenDKIM" ], Does.Contain peer, one.Id)
