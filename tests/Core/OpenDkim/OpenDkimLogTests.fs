/// What programs that read logs look for in lines of opendkim: report writers (logwatch), counters (munin, grok), fail2ban,
/// rules of rsyslog. The patterns are ours; what they ask of a line is what those ask.
module Dkim.Tests.Core.OpenDkimLogTests

open System
open System.Text.RegularExpressions
open Expecto
open Dkim.Core.Words
open Dkim.Core.Dns
open Dkim.Tests
open Dkim.Tests.Core
open Dkim.Tests.FilterPassages

let private serving lines =
    OpenDkimRuns.start [] lines |> Starts.serving

let private key = [ "Selector s"; "KeyFile /keys/rsa" ]

let private signing =
    [ "Domain example.com"; "SyslogSuccess yes"; "LogWhy yes" ] @ key

let private tables =
    [
        "KeyTable csl:k=example.com:s:/keys/rsa"
        "SigningTable csl:example.org=k"
        "LogWhy yes"
    ]

let private broken =
    [ "KeyTable csl:k=example.com:s:/keys/none"; "SigningTable csl:example.com=k" ]

let private verifying =
    [ "Mode v"; "SyslogSuccess yes"; "LogWhy yes"; "LogResults yes" ]

let private arriving zone =
    { outside with
        Zone = zone
        Now = Samples.now
    }

let private lines settings way mail =
    (OpenDkimRuns.send (serving settings) way mail).Lines

let private signed = lazy (OpenDkimRuns.signedWith id)
let private keyName = "s._domainkey.esp.example.net"

let private unreadable = lazy (signed.Value.Replace("v=1;", "v=2;"))

/// Where a line comes from, and a pattern for it with what its groups must hold.
let private readers: (string * (unit -> string list) * string * string list) list =
    [
        "a signature made",
        (fun () -> lines signing local plain),
        @"^([^:\s]+): DKIM-Signature (?:header|field) added \(s=([^,\s]+), d=([^)\s]+)\)$",
        [ "JOB1"; "s"; "example.com" ]
        "a good signature",
        (fun () -> lines verifying (arriving [ OpenDkimRuns.signerKey.Value ]) signed.Value),
        @"^([^:\s]+): DKIM verification successful$",
        [ "JOB1" ]
        "the signature that decided",
        (fun () -> lines verifying (arriving [ OpenDkimRuns.signerKey.Value ]) signed.Value),
        @"^([^:\s]+): s=(\S+) d=(\S+)(?: a=(\S+))? SSL ?(.*)$",
        [ "JOB1"; "s"; "esp.example.net"; "rsa-sha256"; "" ]
        "every result",
        (fun () -> lines verifying (arriving [ OpenDkimRuns.signerKey.Value ]) signed.Value),
        "^([^:\\s]+): signature=\\S+ domain=(\\S+) selector=(\\S+) result=\"([^\"]*)\"",
        [ "JOB1"; "esp.example.net"; "s"; "no signature error" ]
        "a bad signature",
        (fun () -> lines verifying (arriving [ OpenDkimRuns.signerKey.Value ]) (signed.Value + "more\r\n")),
        @"^([^:\s]+): bad signature data$",
        [ "JOB1" ]
        "no signature", (fun () -> lines verifying outside plain), @"^([^:\s]+): no signature data$", [ "JOB1" ]
        "no key",
        (fun () -> lines verifying (arriving []) signed.Value),
        @"^([^:\s]+): key retrieval failed \(s=([^,]+), d=([^)]+)\)(?:: (.*))?$",
        [ "JOB1"; "s"; "esp.example.net"; "" ]
        "a resolver that fails",
        (fun () -> lines verifying (arriving [ fails keyName ]) signed.Value),
        @"^([^:\s]+): key retrieval failed \(s=([^,]+), d=([^)]+)\)(?:: (.*))?$",
        [ "JOB1"; "s"; "esp.example.net"; "SERVFAIL" ]
        "a revoked key",
        (fun () -> lines verifying (arriving [ text keyName "v=DKIM1; p=" ]) signed.Value),
        @"^([^:\s]+): key revoked \(s=([^,]+), d=([^,]+), a=([^)]+)\)$",
        [ "JOB1"; "s"; "esp.example.net"; "rsa-sha256" ]
        "a signature that cannot be read",
        (fun () -> lines verifying (arriving []) unreadable.Value),
        @"^([^:\s]+): syntax error: (.+)$",
        [ "JOB1" ]
        "a stranger who sends as us",
        (fun () -> lines signing outside plain),
        @"^([^:\s]+): external host (\S+) attempted to send as (\S+)$",
        [ "JOB1"; "mail.example.org"; "example.com" ]
        "a client that is not ours",
        (fun () -> lines signing outside plain),
        @"^([^:\s]+): (\S+) \[([0-9a-fA-F.:]+)\] not internal$",
        [ "JOB1"; "mail.example.org"; "192.0.2.7" ]
        "a client that has not authenticated",
        (fun () -> lines signing outside plain),
        @"^([^:\s]+): not authenticated$",
        [ "JOB1" ]
        "a sender without a row",
        (fun () -> lines tables local plain),
        @"^([^:\s]+): no signing table match for '([^']+)'$",
        [ "JOB1"; "joe@example.com" ]
        "a key that cannot be loaded",
        (fun () -> lines broken local plain),
        @"^([^:\s]+): error loading key '([^']+)'$",
        [ "JOB1"; "k" ]
        "a key file that is not there",
        (fun () -> lines broken local plain),
        @"^can't load key from (\S+): (.+)$",
        [ "/keys/none"; "No such file or directory" ]
        "the start",
        (fun () -> [ (serving verifying).Starting.Line ]),
        @"^OpenDKIM Filter v([0-9.]+) starting \(args: (.*)\)$",
        [ "2.11.0"; "-x conf" ]
        "the end",
        (fun () -> [ (serving verifying).Terminating(0).Line ]),
        @"^OpenDKIM Filter v([0-9.]+) terminating with status (\d+), errno = (\d+)$",
        [ "2.11.0"; "0"; "0" ]
    ]

[<Tests>]
let tests =
    testList
        "OpenDkimLogTests"
        [
            for what, said, pattern, wanted in readers do
                testCase ("a line on " + what + " is found, and what it tells") (fun () ->
                    let said = said ()

                    match
                        said
                        |> List.map (fun line -> Regex.Match(line, pattern))
                        |> List.tryFind _.Success
                    with
                    | None -> Expect.contains pattern (String.Join("\n", said))
                    | Some found ->
                        let groups = [ for group in found.Groups -> group.Value ] |> List.tail
                        Expect.equal wanted (List.truncate wanted.Length groups))

            testCase "names that were known are counted, where answers are kept" (fun () ->
                let program = serving [ "Mode v" ]
                let line = program.CacheLine(40L, 30L, 2L, 8)
                Expect.equal "cache: 40 queries, 30 hits (75%), 2 expired, 8 keys" line.Text
                Expect.equal "cache: 0 queries, 0 hits (0%), 0 expired, 0 keys" (program.CacheLine(0L, 0L, 0L, 0)).Text
                Expect.isTrue program.TellsCache "kept"
                Expect.isFalse (serving [ "Mode v"; "QueryCache no" ]).TellsCache "not kept")
        ]
