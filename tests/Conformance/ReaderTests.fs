/// Forged Authentication-Results before those who act on them: what we let stay, none of these readers takes for ours.
module Dkim.Tests.Conformance.ReaderTests

open System
open System.Diagnostics
open System.IO
open System.Net
open System.Net.Sockets
open System.Text
open System.Threading
open Expecto
open Dkim.Tests
open Dkim.Core

let private host = "mx.ours.example"

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

// Each odd text before the name, behind it, and around the parts of it.
let private services =
    [
        for text in odd do
            text + host
            host + text
            host + " " + text
            text + host + text
            "mx." + text + "ours.example"
            "mx" + text + ".ours.example"
            "mx." + text + "ours." + text + "example"
            "mx" + text + ".ours" + text + ".example"
            "m" + text + "x.ours.example"
            "other.example" + text + host
            "(;)" + text + host
            ";" + text + host
            "\"" + text + host + "\""
            host.ToUpperInvariant() + text
        "mx\227\128\130ours\239\188\142example"
        "\239\189\141x.ours.example"
    ]

// A domain of its own for each field tells which were believed.
let private values =
    services
    |> List.mapi (fun index service -> " " + service + "; dkim=pass header.d=d" + string index + ".example")
    |> Array.ofList

let private stays =
    values
    |> Array.map (fun value ->
        let removal: FilterResults.Removal =
            {
                Own = host
                From = []
                All = false
                Methods = [ "dkim"; "dkim-adsp" ]
            }

        let field = Field.ofText AuthenticationResults.FieldName value

        match FilterResults.fate removal field with
        | FilterResults.Stays
        | FilterResults.Unreadable false -> true
        | FilterResults.Goes
        | FilterResults.Unreadable true -> false)

let private start (program: string) (arguments: string list) =
    let info =
        ProcessStartInfo(program, arguments, RedirectStandardInput = true, RedirectStandardOutput = true)

    // OpenDMARC asks for policies that the test has no need of.
    info.Environment["RES_OPTIONS"] <- "timeout:1 attempts:1"
    nonNull (Process.Start info)

let private helper name =
    Path.Combine(AppContext.BaseDirectory, "readers", name)

// A reader of one line for each value: the service it saw and its results.
let private believed (program: string) (arguments: string list) : bool[] =
    use reader = start program arguments

    for value in values do
        reader.StandardInput.BaseStream.Write(ReadOnlySpan(Encoding.Latin1.GetBytes(value.Trim())))
        reader.StandardInput.BaseStream.WriteByte 0uy

    reader.StandardInput.Close()
    let lines = reader.StandardOutput.ReadToEnd().Split '\n'
    reader.WaitForExit()

    values
    |> Array.mapi (fun index _ ->
        let words = lines[index].ToLowerInvariant().Split ' '
        words[0].TrimEnd '.' = host && Array.contains "dkim=pass" words)

let private freePort () =
    use socket = new TcpListener(IPAddress.Loopback, 0)
    socket.Start()
    (socket.LocalEndpoint :?> IPEndPoint).Port

let private luaText (text: string) =
    text |> Seq.map (fun c -> "\\" + (int c).ToString "000") |> String.Concat

let private conversation (port: int) =
    [
        "conn = mt.connect(\"inet:" + string port + "@127.0.0.1\", 40, 0.1)"
        "mt.conninfo(conn, \"client.example\", \"192.0.2.1\")"
        "mt.helo(conn, \"client.example\")"
        "mt.macro(conn, SMFIC_MAIL, \"i\", \"job\")"
        "mt.mailfrom(conn, \"<a@client.example>\")"
        "mt.rcptto(conn, \"<b@ours.example>\")"
        "mt.header(conn, \"From\", \"ceo@bank.example\")"
        for value in values do
            // As libmilter hands fields on: without what stands before the value, lines ended by LF.
            "mt.header(conn, \"Authentication-Results\", \""
            + luaText (value.TrimStart(' ').Replace("\r\n", "\n"))
            + "\")"
        "mt.eoh(conn)"
        "mt.eom(conn)"
        "mt.disconnect(conn)"
    ]

// OpenDMARC writes the domains of the results that it believes into its history.
let private believedByOpenDmarc () : bool[] =
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

        File.WriteAllLines(path "script", conversation port)
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

        values
        |> Array.mapi (fun index _ ->
            let domain = "dkim d" + string index + ".example "
            history |> Array.exists _.StartsWith(domain))
    finally
        folder.Delete true

let private check (believes: bool[]) =
    let reader = values |> Array.mapi (fun index _ -> index)

    let removed =
        reader |> Array.filter (fun index -> believes[index] && not stays[index])

    let forged = reader |> Array.filter (fun index -> believes[index] && stays[index])

    // A reader that believes nothing would prove nothing.
    Expect.notEmpty removed
    Expect.empty (forged |> Array.map (fun index -> values[index]))

let private needs (file: string) =
    if not (File.Exists file) then
        skiptest (file + " is not installed")

[<Tests>]
let tests =
    testList
        "ReaderTests"
        [
            testCase "RFC8601-5-1 OpenDMARC believes no field that stays" (fun () ->
                needs "/usr/sbin/opendmarc"
                needs "/usr/bin/miltertest"
                check (believedByOpenDmarc ()))

            testCase "RFC8601-5-1 authres believes no field that stays" (fun () ->
                needs "/usr/lib/python3/dist-packages/authres/__init__.py"
                check (believed "/usr/bin/python3" [ helper "authres_reader.py" ]))

            testCase "RFC8601-5-1 Mail::AuthenticationResults believes no field that stays" (fun () ->
                needs "/usr/share/perl5/Mail/AuthenticationResults.pm"
                check (believed "perl" [ helper "authentication_results.pl" ]))

            // What no reader takes for ours is left alone.
            testRows
                "RFC8601-5-4 results of others stay"
                [
                    " mx2.ours.example; dkim=pass"
                    " ours.example; dkim=pass"
                    " other.example (mx.ours.example); dkim=pass"
                    " other.example; dkim=pass reason=\"seen by mx.ours.example\""
                    " mx.ours.example; spf=pass smtp.mailfrom=other.example"
                ]
                (fun (value: string) ->
                    let removal: FilterResults.Removal =
                        {
                            Own = host
                            From = []
                            All = false
                            Methods = [ "dkim"; "dkim-adsp" ]
                        }

                    let field = Field.ofText AuthenticationResults.FieldName value
                    Expect.equal FilterResults.Stays (FilterResults.fate removal field))
        ]
