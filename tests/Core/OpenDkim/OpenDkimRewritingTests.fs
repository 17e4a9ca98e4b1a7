/// Fields that are signed as the MTA will make them (ReplaceRules), and mail that goes to others (RedirectFailuresTo).
module Dkim.Tests.Core.OpenDkimRewritingTests

open System
open Expecto
open Dkim.Core.Cryptography
open Dkim.Core.Programs.Filters
open Dkim.Tests
open Dkim.Tests.Core
open Dkim.Tests.FilterPassages

let private signing =
    [
        "Domain example.com"
        "Selector s"
        "KeyFile /keys/rsa"
        "Mode sv"
        "Canonicalization relaxed/relaxed"
        "ReplaceRules /rules"
    ]

let private serving rules lines =
    OpenDkimRuns.start [ "/rules", rules ] (signing @ lines) |> Starts.serving

let private mail =
    "From: A <a@internal.example.com>, b@internal.example.com\nTo: c@example.org\nSubject: foo and foo\n\nhello\n"

let private key =
    lazy (SigningKey.parse ValueNone (OpenDkimRuns.keyText "rsa2048") |> Expect.ok)

let private verified (text: string) =
    let program = OpenDkimRuns.start [] [ "Mode v"; "AuthservID mx" ] |> Starts.serving

    let way =
        { outside with
            Zone =
                [
                    FilterPassages.text "s._domainkey.example.com" (FilterPassages.published key.Value)
                ]
        }

    (OpenDkimRuns.send program way text).Value "Authentication-Results"

let private replacing =
    testList
        "ReplaceRules"
        [
            testCase "the signature is good once the MTA has changed the fields, every match, and not before" (fun () ->
                let program =
                    serving "@internal\\.example\\.com\t@example.com\n# a remark\nfoo\tbar # all\n" []

                let ran = OpenDkimRuns.send program local mail
                Expect.equal [ "example.com/s" ] (OpenDkimRuns.signed ran)
                Expect.equal 1 ran.Changes.Length
                let signature = ran.Inserted.Head.Replace("\r\n", "\n") + "\n"
                let sent = mail.Replace("@internal.", "@").Replace("foo", "bar ")
                Expect.contains "dkim=pass" (verified (signature + sent))
                Expect.contains "dkim=fail" (verified (signature + mail)))

            testCase "the last line is applied first" (fun () ->
                let subjectOf rules =
                    let program = serving rules [ "Diagnostics yes" ]
                    let ran = OpenDkimRuns.send program local (mail.Replace("internal.", ""))
                    Option.get (OpenDkimRuns.topmostTag "z" ran)

                Expect.contains "one=20and=20one" (subjectOf "two\tone\nfoo\ttwo\n")
                Expect.contains "two=20and=20two" (subjectOf "foo\ttwo\ntwo\tone\n"))

            testCase "ReplaceHeaders are the fields that are changed" (fun () ->
                let signedFor headers =
                    let program =
                        serving "@internal\\.\t@\nfoo\tbar\n" [ "ReplaceHeaders " + headers; "Diagnostics yes" ]

                    OpenDkimRuns.send program local mail

                let ran = signedFor "from,To"
                Expect.equal [ "example.com/s" ] (OpenDkimRuns.signed ran)
                Expect.contains "foo=20and=20foo" (Option.get (OpenDkimRuns.topmostTag "z" ran))
                // Then the sender is a stranger.
                Expect.equal [] (OpenDkimRuns.signed (signedFor "Subject")))

            testCase "mail that is verified is left as it came" (fun () ->
                let program =
                    OpenDkimRuns.start [ "/rules", "hi\tho\n" ] [ "Mode v"; "ReplaceRules /rules"; "AuthservID mx" ]
                    |> Starts.serving

                let way =
                    { outside with
                        Zone = [ OpenDkimRuns.signerKey.Value ]
                        Now = Samples.now
                    }

                let ran = OpenDkimRuns.send program way (OpenDkimRuns.signedWith id)
                Expect.contains "dkim=pass" (ran.Value "Authentication-Results"))

            testRows
                "lines that are no rules keep the filter from starting"
                [
                    ("foo bar\n", "line 1", "no tab between expression and text")
                    ("ok\tx\n\n#\nx*\ty\n", "line 4", "it matches the empty text")
                    ("a[\tb\n", "line 1", "expected")
                    ("\\(a\\)\\1\tb\n", "line 1", "groups cannot be referred to")
                    (String.replicate 201 "a\tb\n", "line 201", "more than 200 rules")
                ]
                (fun (rules: string, place: string, reason: string) ->
                    let told, _ = OpenDkimRuns.start [ "/rules", rules ] signing |> Starts.failed
                    Expect.contains "/rules" told
                    Expect.contains place told
                    Expect.contains reason told)

            testCase "a header on which rules take too long is not signed, and waits" (fun () ->
                let program = serving "a\\|a.*z\ty\n" [ "MaximumHeaders 0" ]

                let ran = OpenDkimRuns.send program local ("X: " + String('a', 60000) + "\n" + mail)

                Expect.equal [] (OpenDkimRuns.signed ran)
                Expect.equal (Refused(451, "4.7.0", "resource unavailable")) ran.Ending
                Expect.contains "ReplaceRules take too long with this header" (String.concat "\n" ran.Log))
        ]

let private redirecting =
    let serving lines =
        OpenDkimRuns.start
            []
            ([ "Mode v"; "RedirectFailuresTo postmaster@example.net"; "AuthservID mx" ]
             @ lines)
        |> Starts.serving

    let way recipients =
        { outside with
            Zone = [ OpenDkimRuns.signerKey.Value ]
            Now = Samples.now
            Recipients = recipients
        }

    let altered = lazy (OpenDkimRuns.signedWith id + "more\r\n")
    let two = [ "<a@example.org>"; "<\"b\x1b[0m\r\n c\"@example.org>" ]

    let recipients (ran: Ran) =
        ran.Changes
        |> List.choose (fun change ->
            match change with
            | Removed recipient -> Some("-" + recipient)
            | Added recipient -> Some("+" + recipient)
            | _ -> None)

    testList
        "RedirectFailuresTo"
        [
            testCase "mail with a bad signature goes to the address, and fields tell the recipients" (fun () ->
                let program = serving []
                Expect.isTrue program.Redirects "redirects"
                let ran = OpenDkimRuns.send program (way two) altered.Value
                Expect.equal Accepted ran.Ending
                Expect.equal [ "-" + two[0]; "-" + two[1]; "+<postmaster@example.net>" ] (recipients ran)

                Expect.equal
                    [
                        "Original-Recipient: rfc822;a@example.org"
                        "Original-Recipient: rfc822;\"b?[0m?? c\"@example.org"
                    ]
                    (ran.Inserted |> List.filter _.StartsWith("Original-Recipient") |> List.rev))

            testCase "good mail and mail without a signature goes on" (fun () ->
                let program = serving []
                Expect.equal [] (recipients (OpenDkimRuns.send program (way two) (OpenDkimRuns.signedWith id)))
                Expect.equal [] (recipients (OpenDkimRuns.send program (way two) plain)))

            testCase "what On-BadSignature refuses goes to nobody" (fun () ->
                for action in [ "reject"; "tempfail"; "discard" ] do
                    let ran =
                        OpenDkimRuns.send (serving [ "On-BadSignature " + action ]) (way two) altered.Value

                    Expect.equal [] ran.Changes)

            testCase "with more recipients than can be taken away it waits" (fun () ->
                let many = List.init 10001 (fun number -> "<a" + string number + "@example.org>")
                let ran = OpenDkimRuns.send (serving []) (way many) altered.Value
                Expect.equal (Deferred, []) (ran.Ending, ran.Changes)
                Expect.contains "there are too many recipients" (String.concat "\n" ran.Log))
        ]

[<Tests>]
let tests = testList "OpenDkimRewritingTests" [ replacing; redirecting ]
