/// `dkim genkey` and `dkim record`: a new key or one that is there, and its record in the forms that name servers take.
module internal Dkim.Core.Programs.Tool.Commands.Genkey

open System
open Dkim.Core.Words
open Dkim.Core.Asking
open Dkim.Core.Records
open Dkim.Core.Cryptography
open Dkim.Core.Signatures
open Dkim.Core.Programs.Running
open Dkim.Core.Programs.Tool.Running
open Dkim.Core.Programs.Tool.Running.Command

/// The record of a key, before anything is said against it.
let private plainRecord (keyType: KeyType) (keyData: byte[]) : KeyRecord =
    {
        KeyType = keyType
        Hashes = ValueNone
        KeyData = keyData
        ForMail = true
        Testing = false
        ExactDomain = false
        Granularity = ValueNone
        Notes = ValueNone
        Text = ""
    }

let private record (settings: ToolSettings) (struct (keyType, keyData)) : KeyRecord =
    { plainRecord keyType keyData with
        Hashes =
            if settings.OnlySha256 then
                ValueSome [ Sha256 ]
            else
                ValueNone
        Testing = settings.Testing
        // Whoever may sign for a domain may else sign for all below it (RFC 6376 §3.6.1 t=).
        ExactDomain = not settings.Subdomains
        Notes =
            settings.Note
            |> ValueOption.map (fun note ->
                QuotedPrintable.encode (Octets.latin1 (ReadOnlySpan(Text.Encoding.UTF8.GetBytes note))))
    }

let private refuse (program: string) (reason: string) : Command<'a> =
    fail SysExit.Usage (program + ": " + reason)

/// The name that the record stands under. One that the DNS cannot have is refused.
let private name (program: string) (settings: ToolSettings) : Command<string> =
    let needs name value =
        PrivateKeys.required program name ("write --" + name + "=...") value

    command {
        let! selector = needs "selector" settings.Selector
        let! domain = needs "domain" settings.Domain

        match Publication.obstacle selector domain.Text with
        | ValueSome reason -> return! refuse program reason
        | ValueNone -> return KeyRecord.name selector domain
    }

/// The text of a record, which is refused where verifiers would not read it.
let private textOf (program: string) (settings: ToolSettings) (key: struct (KeyType * byte[])) : Command<string> =
    let text = KeyRecord.render (record settings key)
    let limit = VerifyPolicy.defaults.RecordOctets

    command {
        if text.Length > int limit then
            return!
                refuse
                    program
                    ("the record would have "
                     + string text.Length
                     + " characters, and verifiers read "
                     + string (int limit)
                     + " at most: shorten --note")
        else
            return text
    }

let private pathOf (settings: ToolSettings) : string voption =
    match settings.KeyFile, settings.Selector with
    | ValueSome path, _ -> ValueSome path
    | ValueNone, ValueSome selector -> ValueSome(selector.Text + ".private")
    | ValueNone, ValueNone -> ValueNone

/// `dkim genkey`.
let run (settings: ToolSettings) (operands: string list) : Command<int> =
    let program = "dkim genkey"

    command {
        let! name = name program settings
        do! PrivateKeys.noOperands program operands

        if settings.KeyType = Ed25519 && settings.Bits <> ToolSettings.defaults.Bits then
            return! refuse program "an Ed25519 key has 256 bits: leave --bits out, or write --type=rsa"
        else
            let! path =
                pathOf settings
                |> PrivateKeys.required program "selector" "write --selector=..."

            let! key, pem = PrivateKeys.generate settings.KeyType settings.Bits
            let! text = textOf program settings (struct (key.KeyType, key.KeyData))
            do! PrivateKeys.save program SysExit.CannotCreate path pem
            do! print (RecordForms.ofTxt settings.Form name text)
            do! complain (program + ": the private key is in " + path)
            return ExitCode.Success
    }

/// The public half of what a file has: a private key or a public one, which everybody may read.
let private publicHalf (settings: ToolSettings) (path: string) : Command<Result<struct (KeyType * byte[]), string>> =
    command {
        let! contents = read FileKind.Configuration path

        match FileContents.text contents |> Result.map PublicKeyFile.parse with
        | Ok(Ok key) -> return Ok key
        | Error reason -> return Error reason
        | Ok(Error _) ->
            let! key = PrivateKeys.load settings.PassphraseFile path
            return key |> Result.map (fun key -> struct (key.KeyType, key.KeyData))
    }

/// `dkim record`.
let again (settings: ToolSettings) (operands: string list) : Command<int> =
    let program = "dkim record"

    command {
        let! path =
            match operands, settings.KeyFile with
            | [ path ], ValueNone -> fun rest -> rest path
            | [], _ -> pathOf settings |> PrivateKeys.required program "key" "name the file of the key"
            | _ -> refuse program "it takes one file of a key"

        // A text alone has no name.
        let! name =
            match settings.Form, settings.Selector, settings.Domain with
            | RecordForm.Text, ValueNone, _
            | RecordForm.Text, _, ValueNone -> fun rest -> rest ""
            | _ -> name program settings

        let! key = publicHalf settings path

        let! key =
            key
            |> orFail SysExit.NoInput (fun reason -> program + ": " + path + ": " + reason)

        let! text = textOf program settings key
        do! print (RecordForms.ofTxt settings.Form name text)
        return ExitCode.Success
    }
