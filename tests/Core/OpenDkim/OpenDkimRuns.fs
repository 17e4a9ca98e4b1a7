/// Runs opendkim without a host: its files and keys are lists.
module Dkim.Tests.Core.OpenDkimRuns

open System
open System.Text
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Records
open Dkim.Core.Cryptography
open Dkim.Core.Signatures
open Dkim.Core.Programs.Filters
open Dkim.Core.Programs.Filters.Lists
open Dkim.Tests
open Dkim.Tests.Core

let private rsa bits =
    lazy
        (let _, pem = SigningKey.generateRsa bits
         pem)

let private rsa512 = rsa 512<Dkim.Core.Words.bit>

/// The text of a key of a kind.
let keyText (kind: string) : string =
    match kind with
    | "rsa2048" -> FilterRuns.key "rsa2048.pem"
    | "rsa1024" -> FilterRuns.key "rsa1024.pem"
    | "rsa512" -> rsa512.Value
    | "ed25519" -> FilterRuns.key "ed25519.pem"
    | "junk" -> "junk\n"
    | "empty" -> ""
    | other -> invalidArg "kind" other

/// What is at a place, by the kinds of keys at paths, and those that others can read.
let readKey (kinds: (string * string) list) (isOpen: string list) (place: KeyPlace) : KeyReading =
    match place with
    | KeyText text -> KeyReading.Inline text
    | KeyAt(path, _) ->
        match kinds |> List.tryFind (fst >> (=) path) with
        | None -> KeyReading.Unread "No such file or directory"
        | Some(_, kind) ->
            let whom =
                if List.contains path isOpen then
                    path + " can be read or written by other users"
                else
                    ""

            KeyReading.OfFile(ReadOnlyMemory(Encoding.Latin1.GetBytes(keyText kind)), whom)

let keys =
    [
        "/keys/rsa", "rsa2048"
        "/keys/ed", "ed25519"
        "/keys/small", "rsa512"
        "/keys/junk", "junk"
        "/keys/open", "rsa2048"
    ]

/// opendkim with these lines as its file, and these other files.
let start (files: (string * string) list) (lines: string list) : Starts.Ended<FilterProgram> =
    let conf = "conf", String.Join('\n', "Socket local:/s" :: "Syslog yes" :: lines)
    let keyFiles = keys |> List.map (fun (path, kind) -> path, keyText kind)
    FilterRuns.startOpenDkim (readKey keys [ "/keys/open" ]) (conf :: files @ keyFiles) [ "-x"; "conf" ]

/// What comes of a message, with these keys.
let sendWith readKey (program: FilterProgram) (way: FilterPassages.Way) (mail: string) : FilterPassages.Ran =
    use message = program.NewMessage way.Client
    FilterPassages.pass message { way with Keys = readKey } mail

/// What comes of a message.
let send (program: FilterProgram) (way: FilterPassages.Way) (mail: string) : FilterPassages.Ran =
    sendWith (readKey keys [ "/keys/open" ]) program way mail

let private tag (name: string) (field: string) =
    field.Replace("\r\n", "").Replace("\t", "").Replace(" ", "").Split(':', 2)[1]
    |> _.Split(';')
    |> Array.tryPick (fun tag ->
        if tag.StartsWith(name + "=") then
            Some(tag.Substring(name.Length + 1))
        else
            None)

// Each is put on top of those before it.
let private signatures (ran: FilterPassages.Ran) : string list =
    ran.Inserted |> List.filter _.StartsWith("DKIM-Signature:") |> List.rev

/// A tag of the signature that stands on top.
let topmostTag (name: string) (ran: FilterPassages.Ran) : string option =
    signatures ran |> List.tryHead |> Option.bind (tag name)

/// d=, s= and i= of the signatures that were added, from the top of the header.
let signed (ran: FilterPassages.Ran) : string list =
    signatures ran
    |> List.map (fun field ->
        [ tag "d" field; tag "s" field; tag "i" field ]
        |> List.choose id
        |> String.concat "/")

/// The plain message with a signature of esp.example.net.
let signedWith (change: SigningRequest -> SigningRequest) : string =
    let request =
        Samples.request Dkim FilterPassages.rsa.Value "s" (Set.ofList [ "from"; "to"; "subject" ])

    let mail = FilterPassages.crlf FilterPassages.plain
    let at = mail.IndexOf("\r\n\r\n", StringComparison.Ordinal)

    let header =
        Header.ofBlock (ReadOnlyMemory(Octets.ofLatin1 (mail.Substring(0, at + 2))))

    let request =
        change
            { request with
                Domain = FilterPassages.domain "esp.example.net"
                Layout = Layout.dkimFilter
            }

    let field =
        Samples.sign [ request ] header (Octets.ofLatin1 (mail.Substring(at + 4)))
        |> Expect.ok
        |> List.exactlyOne

    Octets.latin1 field.Raw.Span + "\r\n" + mail

/// The record of the key that does.
let signerKey =
    lazy (FilterPassages.text "s._domainkey.esp.example.net" (FilterPassages.published FilterPassages.rsa.Value))
