/// Private keys, new and old, as all commands treat them.
module internal Dkim.Core.Programs.Tool.Running.PrivateKeys

open System
open System.Text
open Dkim.Core.Words
open Dkim.Core.Asking
open Dkim.Core.Records
open Dkim.Core.Cryptography
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Running
open Dkim.Core.Programs.Tool.Running.Command

let private missing name remedy : Problem =
    {
        Origin = OnCommandLine
        Name = name
        Value = ValueNone
        Fault = MissingValue
        Remedy = remedy
    }

/// A setting that a command cannot do without.
let required (program: string) (name: string) (remedy: string) (value: 'a voption) : Command<'a> =
    match value with
    | ValueSome value -> fun rest -> rest value
    | ValueNone -> fail SysExit.Usage (program + ": " + Problem.describe (missing name remedy))

/// For a command that takes options only.
let noOperands (program: string) (operands: string list) : Command<unit> =
    match operands with
    | [] -> fun rest -> rest ()
    | _ -> fail SysExit.Usage (program + ": it takes no operands")

let private passphrase (path: string voption) : Command<string voption> =
    command {
        match path with
        | ValueNone -> return ValueNone
        | ValueSome path ->
            let! contents = read FileKind.Passphrase path

            let! text =
                FileContents.text contents
                |> orFail SysExit.NoInput (fun reason -> "dkim: " + path + ": " + reason)

            return ValueSome(Array.head (FileContents.lines text))
    }

/// The private key in a file.
let load (passphraseFile: string voption) (path: string) : Command<Result<SigningKey, string>> =
    command {
        let! passphrase = passphrase passphraseFile
        let! contents = read FileKind.PrivateKey path

        match contents.Problem with
        | ValueSome reason -> return Error reason
        | ValueNone ->
            return
                SigningKey.parse passphrase (Octets.latin1 contents.Octets.Span)
                |> Result.mapError PrivateKeyError.describe
    }

/// A new key and its PEM text.
let generate (keyType: KeyType) (bits: int<bit>) : Command<SigningKey * string> =
    command {
        match keyType with
        | Rsa -> return SigningKey.generateRsa bits
        | Ed25519 ->
            let! entropy = draw SigningKey.Ed25519Entropy
            return SigningKey.generateEd25519 entropy
    }

/// Writes a private key to a file that is not there yet.
let save (program: string) (failure: int) (path: string) (pem: string) : Command<unit> =
    command {
        let file =
            {
                Path = path
                Contents = ReadOnlyMemory(Encoding.ASCII.GetBytes(pem + "\n"))
                Secret = true
            }

        let! obstacle = create file

        match obstacle with
        | ValueNone -> return ()
        | ValueSome reason ->
            return! fail failure (program + ": " + path + ": " + reason + "; a key is never written over a file")
    }
