/// `dknewkey FILE [BITS]`: the key maker of qmail-dk. The private key goes into FILE, whose name is the selector, and the
/// record to standard output.
module internal Dkim.Core.Programs.Tool.KeyTools.Dknewkey

open System
open System.Globalization
open Dkim.Core.Words
open Dkim.Core.Records
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Tool.Running
open Dkim.Core.Programs.Tool.Running.Command

[<Literal>]
let Name = "dknewkey"

let private usage = "usage: " + Name + " keyfile [bits]"

/// The shortest and the longest key; the original's 384 bits can be factored in an afternoon.
let private bitsOf (text: string) : Result<int<bit>, string> =
    match Int32.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture) with
    | true, bits when bits >= 512 && bits <= 8192 -> Ok(bits * 1<bit>)
    | _ -> Error "the number of bits is not between 512 and 8192"

let private selectorOf (path: string) : Result<Selector, string> =
    Selector.tryCreate (path.Substring(path.LastIndexOf '/' + 1))
    |> Result.mapError (fun error -> "the name of the file cannot be a selector: " + NameError.describe error)

let private make (path: string) (bits: string) : Command<int> =
    let problem (text: string) = Name + ": " + path + ": " + text

    command {
        let! bits = bitsOf bits |> orFail ExitCode.Bad problem
        let! selector = selectorOf path |> orFail ExitCode.Bad problem

        if bits < 1024<bit> then
            do! complain (Name + ": warning: verifiers refuse keys under 1024 bits (RFC 8301)")

        let! key, pem = PrivateKeys.generate Rsa bits
        do! PrivateKeys.save Name ExitCode.Bad path pem
        let record = "k=rsa; p=" + Convert.ToBase64String key.KeyData
        let strings = Publication.strings record |> List.map Publication.quoted
        do! print (Publication.label selector + "\tIN\tTXT\t" + String.Join(" ", strings) + "\n")
        return ExitCode.Success
    }

let text: ProgramText =
    {
        Name = Name
        Section = 8
        OneLine = "make a key for DomainKeys"
        Command = ""
        Operands = "FILE [BITS]"
        Description =
            [
                "Leaves an RSA key in FILE, readable by its owner only, and prints the record to publish. The last part \
                 of FILE is the selector. Without BITS the key has 2048. With --version alone it prints version, commit, runtime and OpenSSL."
            ]
        Exits = [ 0, "The key was made."; 1, "It was not." ]
        Examples =
            [
                "A key under the selector default:", [ "dknewkey /etc/domainkeys/example.com/default" ]
            ]
        SeeAlso = [ "dkim", 1 ]
    }

let run (arguments: string list) : Command<int> =
    match arguments with
    | [ "--version" ] -> version Name
    | [ path ] when not (path.StartsWith '-') -> make path "2048"
    | [ path; bits ] when not (path.StartsWith '-') -> make path bits
    | _ -> fail ExitCode.Bad usage
