/// Other implementations as long-lived helper processes; peers/README.md has the protocol. One that is not installed is
/// absent, with the reason.
module Dkim.Tests.Peers

open System
open System.Collections
open System.Diagnostics
open System.IO
open System.Text
open System.Threading.Tasks
open Dkim.Core.Words
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Signatures
open Dkim.Core.Programs.Settings
open Dkim.Tests.Corpus

/// What a peer said of one signature.
type Word =
    {
        Kind: Scheme
        Index: int
        Text: string
        Reason: string
    }

/// A running helper. Not for several threads at once.
[<Sealed>]
type Peer(name: string, proc: Process) =
    let toPeer = proc.StandardInput.BaseStream
    let fromPeer = new BufferedStream(proc.StandardOutput.BaseStream)

    let readLine () =
        let line = StringBuilder()
        let mutable octet = fromPeer.ReadByte()

        while octet >= 0 && octet <> int '\n' do
            line.Append(char octet) |> ignore
            octet <- fromPeer.ReadByte()

        if octet < 0 then
            raise (EndOfStreamException(name + " ended"))

        line.ToString()

    let ask (line: string) (parts: byte[] list) : string =
        toPeer.Write(Encoding.Latin1.GetBytes(line + "\n"))

        for part in parts do
            toPeer.Write part

        toPeer.Flush()
        readLine ()

    member _.Name = name

    /// Sets what the DNS holds.
    member _.Publish(records: (string * string) list) =
        ask "clear" [] |> ignore

        for recordName, text in records do
            let octets = Encoding.Latin1.GetBytes text
            ask ("record " + recordName + " " + string octets.Length) [ octets ] |> ignore

    /// Names whose lookup fails for now.
    member _.Fail(names: string list) =
        for failing in names do
            ask ("failing " + failing) [] |> ignore

    /// What it says of each signature, or of the message as a whole.
    member _.Verify(now: int64<sec>, message: byte[]) : Result<Word list, string> =
        let answer =
            ask ("verify " + string (int64 now) + " " + string message.Length) [ message ]

        let word (part: string) =
            match part.Split(' ', 4) with
            | [| kind; index; text; reason |] ->
                {
                    Kind = (if kind = "domainkeys" then DomainKeys else Dkim)
                    Index = int index
                    Text = text
                    Reason = reason
                }
            | _ -> invalidOp (name + " said " + part)

        match List.ofArray (answer.Split '\t') with
        | "ok" :: parts -> Ok(parts |> List.map word)
        | _ -> Error answer

    /// A signature field with its CRLF. `how` is kind, algorithm, canonicalizations of header and body, domain and selector.
    member _.Sign(how: string, now: int64<sec>, key: string, message: byte[]) : Result<byte[], string> =
        let pem = Encoding.Latin1.GetBytes key

        let answer =
            ask
                ("sign "
                 + how
                 + " "
                 + string (int64 now)
                 + " "
                 + string pem.Length
                 + " "
                 + string message.Length)
                [ pem; message ]

        match answer.Split ' ' with
        | [| "ok"; length |] ->
            let field: byte[] = Array.zeroCreate (int length)
            fromPeer.ReadExactly(field.AsSpan())
            Ok field
        | _ -> Error answer

    interface IDisposable with
        member _.Dispose() =
            proc.StandardInput.Close()

            if not (proc.WaitForExit 5000) then
                proc.Kill()

            proc.Dispose()

let private start (program: string) (arguments: string list) : Process =
    let info =
        ProcessStartInfo(
            program,
            arguments,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true
        )

    match Process.Start info with
    | null -> invalidOp ("cannot start " + program)
    | started ->
        // What a helper complains of would fill its pipe.
        started.ErrorDataReceived.Add ignore
        started.BeginErrorReadLine()
        started

/// The exit code of a command, or nothing if there is no such program.
let private tryRun (program: string) (arguments: string list) : int voption =
    try
        use running = start program arguments
        running.StandardInput.Close()
        running.StandardOutput.ReadToEnd() |> ignore
        running.WaitForExit()
        ValueSome running.ExitCode
    with :? ComponentModel.Win32Exception ->
        ValueNone

let private helper (file: string) = Path.Combine(folder, "peers", file)

let private dkimpy () : Result<Peer, string> =
    // A Python of one's own before Debian's in the path does not have Debian's modules.
    [ "/usr/bin/python3"; "python3" ]
    |> List.tryFind (fun python -> tryRun python [ "-c"; "import dkim, nacl" ] = ValueSome 0)
    |> function
        | Some python -> Ok(new Peer("dkimpy", start python [ helper "dkimpy.py" ]))
        | None -> Error "python3-dkim is not installed"

let private mailDkim () : Result<Peer, string> =
    if tryRun "perl" [ "-MMail::DKIM::Verifier"; "-MNet::DNS"; "-e"; "1" ] = ValueSome 0 then
        Ok(new Peer("Mail::DKIM", start "perl" [ helper "maildkim.pl" ]))
    else
        Error "libmail-dkim-perl is not installed"

let private openDkim () : Result<Peer, string> =
    let program = Path.Combine(AppContext.BaseDirectory, "opendkim-peer")

    let compile =
        [
            "-O1"
            "-o"
            program
            helper "opendkim.c"
            "-I/usr/include/opendkim"
            "-lopendkim"
        ]

    if tryRun "cc" compile = ValueSome 0 then
        Ok(new Peer("OpenDKIM", start program []))
    else
        Error "no C compiler, or libopendkim-dev is not installed"

let private starters =
    [ "dkimpy", dkimpy; "Mail::DKIM", mailDkim; "OpenDKIM", openDkim ]

/// Every peer, running or with the reason why not.
let startAll () : (string * Result<Peer, string>) list =
    starters |> List.map (fun (name, start) -> name, start ())

/// rspamd, which only verifies, running or with the reason why not.
let startRspamd () : Result<Peer, string> =
    if File.Exists "/usr/bin/rspamd" then
        Ok(new Peer("rspamd", start "/usr/bin/python3" [ helper "rspamd.py" ]))
    else
        Error "rspamd is not installed"

/// The others while they run: one that dies or hangs over a message is started anew. Different ones may be asked at the
/// same time.
[<Sealed>]
type Others() =
    let peers = Concurrent.ConcurrentDictionary(dict (startAll ()))

    let restart name =
        let start = List.find (fst >> (=) name) starters |> snd
        peers[name] <- start ()

    let isSendable (name: string) =
        String.forall (fun c -> c > ' ' && c < '\127') name

    let talk (peer: Peer) (case: Case) (octets: byte[]) =
        peer.Publish
            [
                for entry in case.Zone do
                    if isSendable entry.Key then
                        for text in entry.Value -> entry.Key, text
            ]

        peer.Fail(case.Failing.Keys |> Seq.filter isSendable |> List.ofSeq)
        peer.Verify(case.Now, octets)

    /// The names of those that are installed.
    member _.Present =
        [ for name, _ in starters -> name ]
        |> List.filter (fun name -> peers[name].IsOk)

    /// The words of one implementation, or what it said of the whole message.
    member _.Ask (name: string) (case: Case) (octets: byte[]) : Result<Word list, string> =
        match peers[name] with
        | Error _ -> Error "absent"
        | Ok peer ->
            let asking = Task.Run(fun () -> talk peer case octets)

            try
                if asking.Wait 30000 then
                    asking.Result
                else
                    (peer :> IDisposable).Dispose()
                    restart name
                    Error "hangs"
            with :? AggregateException ->
                restart name
                Error "dies"

    interface IDisposable with
        member _.Dispose() =
            for entry in peers do
                entry.Value |> Result.iter (fun peer -> (peer :> IDisposable).Dispose())
