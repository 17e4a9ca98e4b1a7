/// Those who act on Authentication-Results: OpenDMARC, authres and Mail::AuthenticationResults; and ways to write a host's
/// name that a forger might try on them.
module Dkim.Tests.Conformance.ResultReaders

open System
open System.Collections.Generic
open System.Diagnostics
open System.IO
open System.Net
open System.Net.Sockets
open System.Text
open System.Threading
open Expecto
open Dkim.Tests
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Programs.Settings

let private odd =
    [
        ""
        " "
        "\t"
        "\r\n "
        "(x)"
        "(x) "
        "((x)y)"
        "(\\))"
        "("
        ")"
        "\""
        "\"\""
        "\\"
        "\011"
        "\012"
        "\013"
        "\001"
        "\127"
        "\194\160"
        "\194\173"
        "\226\128\139"
        "\239\187\191"
        "\""
        "/"
        "/job"
        "."
        "="
        "(" + String.replicate 17 "(" + String.replicate 17 ")" + ")"
    ]

/// A host's name with each odd text before it, behind it, and around its parts.
let spellings (host: string) : string list =
    let at = host.IndexOf '.'
    let first, rest = host.Substring(0, at), host.Substring(at + 1)
    let dot = rest.LastIndexOf '.'
    let second, last = rest.Substring(0, dot), rest.Substring(dot + 1)

    [
        for text in odd do
            text + host
            host + text
            host + " " + text
            text + host + text
            first + "." + text + rest
            first + text + "." + rest
            first + text + "." + second + "." + text + last
            first + text + "." + second + text + "." + last
            host.Substring(0, 1) + text + host.Substring 1
            "other.example" + text + host
            "(;)" + text + host
            ";" + text + host
            "\"" + text + host + "\""
            host.ToUpperInvariant() + text
        first + "\227\128\130" + second + "\239\188\142" + last
        "\239\189\141" + host.Substring 1
    ]

/// A field's value, and a domain of which it says that it passed by a method. The domain tells it apart from others.
type Claim =
    {
        Value: string
        Method: string
        Domain: string
    }

/// Who reads results, and which of many claims he believes to be a host's.
type ResultReader =
    {
        Name: string
        /// The methods that it knows.
        Methods: string list
        /// Files without which it is not there.
        Needs: string list
        Believes: string -> Claim[] -> bool[]
    }

let private start (program: string) (arguments: string list) =
    let info =
        ProcessStartInfo(program, arguments, RedirectStandardInput = true, RedirectStandardOutput = true)

    // OpenDMARC asks for policies that the test has no need of.
    info.Environment["RES_OPTIONS"] <- "timeout:1 attempts:1"
    nonNull (Process.Start info)

let private helper name =
    Path.Combine(AppContext.BaseDirectory, "readers", name)

// A reader of one line for each value: the service it saw and its results.
let private linesOf (program: string) (arguments: string list) (host: string) (claims: Claim[]) : bool[] =
    use reader = start program arguments

    for claim in claims do
        reader.StandardInput.BaseStream.Write(ReadOnlySpan(Encoding.Latin1.GetBytes(claim.Value.Trim())))
        reader.StandardInput.BaseStream.WriteByte 0uy

    reader.StandardInput.Close()
    let lines = reader.StandardOutput.ReadToEnd().Split '\n'
    reader.WaitForExit()

    claims
    |> Array.mapi (fun index _ ->
        let words = lines[index].ToLowerInvariant().Split ' '

        words[0].TrimEnd '.' = host
        && Array.contains (claims[index].Method + "=pass") words)

let private freePort () =
    use socket = new TcpListener(IPAddress.Loopback, 0)
    socket.Start()
    (socket.LocalEndpoint :?> IPEndPoint).Port

let private luaText (text: string) =
    text |> Seq.map (fun c -> "\\" + (int c).ToString "000") |> String.Concat

let private conversation (port: int) (claims: Claim[]) =
    [
        "conn = mt.connect(\"inet:" + string port + "@127.0.0.1\", 40, 0.1)"
        "mt.conninfo(conn, \"client.example\", \"192.0.2.1\")"
        "mt.helo(conn, \"client.example\")"
        "mt.macro(conn, SMFIC_MAIL, \"i\", \"job\")"
        "mt.mailfrom(conn, \"<a@client.example>\")"
        "mt.rcptto(conn, \"<b@ours.example>\")"
        "mt.header(conn, \"From\", \"ceo@bank.example\")"
        for claim in claims do
            // As libmilter hands fields on: without what stands before the value, lines ended by LF.
            "mt.header(conn, \"Authentication-Results\", \""
            + luaText (claim.Value.TrimStart(' ').Replace("\r\n", "\n"))
            + "\")"
        "mt.eoh(conn)"
        "mt.eom(conn)"
        "mt.disconnect(conn)"
    ]

// OpenDMARC writes the domains of the results that it believes into its history.
let private historyOf (host: string) (claims: Claim[]) : bool[] =
    let folder = Directory.CreateTempSubdirectory "readers"

    try
        let port = freePort ()
        let path name = Path.Combine(folder.FullName, name)

        File.WriteAllLines(
            path "conf",
            [
                "AuthservID " + host
                "Socket inet:" + string port + "@127.0.0.1"
                "HistoryFile " + path "history"
                "RecordAllMessages true"
                "Syslog false"
            ]
        )

        File.WriteAllLines(path "script", conversation port claims)
        use milter = start "/usr/sbin/opendmarc" [ "-f"; "-c"; path "conf" ]

        try
            use client = start "/usr/bin/miltertest" [ "-s"; path "script" ]
            client.StandardOutput.ReadToEnd() |> ignore
            client.WaitForExit()
            Expect.equal 0 client.ExitCode

            let isWritten () =
                File.Exists(path "history")
                && (File.ReadAllText(path "history")).Contains "\naction "

            Expect.isTrue (SpinWait.SpinUntil(isWritten, 20000)) "no history of OpenDMARC"
        finally
            milter.Kill()
            milter.WaitForExit()

        let history = File.ReadAllLines(path "history")

        let believed =
            history
            |> Array.map _.Split(' ')
            // Domain, selector, and 0 for a pass.
            |> Array.filter (fun words -> words[0] = "dkim" && Array.last words = "0")
            |> Array.map (fun words -> words[1])
            |> HashSet

        claims |> Array.map (fun claim -> believed.Contains claim.Domain)
    finally
        folder.Delete true

let private needs (reader: ResultReader) =
    for file in reader.Needs do
        if not (File.Exists file) then
            skiptest (file + " is not installed")

/// All of them.
let all: ResultReader list =
    [
        {
            Name = "OpenDMARC"
            Methods = [ "dkim" ]
            Needs = [ "/usr/sbin/opendmarc"; "/usr/bin/miltertest" ]
            Believes = historyOf
        }
        {
            Name = "authres"
            Methods = [ "dkim"; "domainkeys" ]
            Needs = [ "/usr/lib/python3/dist-packages/authres/__init__.py" ]
            Believes = linesOf "/usr/bin/python3" [ helper "authres_reader.py" ]
        }
        {
            Name = "Mail::AuthenticationResults"
            Methods = [ "dkim"; "domainkeys" ]
            Needs = [ "/usr/share/perl5/Mail/AuthenticationResults.pm" ]
            Believes = linesOf "perl" [ helper "authentication_results.pl" ]
        }
    ]

/// A test for each reader that is there.
let testReaders (ids: string) (name: string) (body: ResultReader -> unit) : Test list =
    all
    |> List.map (fun reader ->
        testCase (ids + " " + reader.Name + " " + name) (fun () ->
            needs reader
            body reader))
