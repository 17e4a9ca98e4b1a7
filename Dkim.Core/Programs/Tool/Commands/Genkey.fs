/// `dkim genkey` and `dkim record`: a new key or one that is there, and its record in the forms that name servers take.
module internal Dkim.Core.Programs.Tool.Commands.Genkey

open System
open Dkim.Core.Words
open Dkim.Core.Records
open Dkim.Core.Cryptography
open Dkim.Core.Programs.Running
open Dkim.Core.Programs.Tool.Running
open Dkim.Core.Programs.Tool.Running.Command

/// The record of a key, before anything is said against it.
let plainRecord (key: SigningKey) : KeyRecord =
    {
        KeyType = key.KeyType
        Hashes = ValueNone
        KeyData = key.KeyData
        ForMail = true
        Testing = false
        ExactDomain = false
        Granularity = ValueNone
        Notes = ValueNone
        Text = ""
    }

let private record (settings: ToolSettings) (key: SigningKey) : KeyRecord =
    { plainRecord key with
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

let private json (name: string) (text: string) : string =
    let strings = Publication.strings text |> List.map Json.Text
    Json.render (Json.Object [ name, Json.List [ Json.List strings ] ]) + "\n"

let private inForm (form: RecordForm) (name: string) (text: string) : string =
    match form with
    | RecordForm.Zone -> Publication.zoneFile name text
    | RecordForm.Text -> text + "\n"
    | RecordForm.Tinydns -> Publication.tinydns name text
    | RecordForm.Json -> json name text
    | RecordForm.All ->
        "; for a zone file\n"
        + Publication.zoneFile name text
        + "\n; the TXT record of "
        + name
        + " as one text, for a form in a browser\n"
        + text
        + "\n\n# for the data file of tinydns\n"
        + Publication.tinydns name text
        + "\n# as JSON, for dkim --zone\n"
        + json name text

/// Whose key it is, where it lies or will lie, and how its record is printed.
type private Place =
    {
        Path: string
        Publish: SigningKey -> Command<unit>
    }

let private place (program: string) (settings: ToolSettings) (operands: string list) : Command<Place> =
    let needs name value =
        PrivateKeys.required program name ("write --" + name + "=...") value

    command {
        let! selector = needs "selector" settings.Selector
        let! domain = needs "domain" settings.Domain
        do! PrivateKeys.noOperands program operands

        let publish key =
            KeyRecord.render (record settings key)
            |> inForm settings.Form (KeyRecord.name selector domain)
            |> print

        return
            {
                Path = settings.KeyFile |> ValueOption.defaultValue (selector.Text + ".private")
                Publish = publish
            }
    }

/// `dkim genkey`.
let run (settings: ToolSettings) (operands: string list) : Command<int> =
    let program = "dkim genkey"

    command {
        let! place = place program settings operands
        let! key, pem = PrivateKeys.generate settings.KeyType settings.Bits
        do! PrivateKeys.save program SysExit.CannotCreate place.Path pem
        do! place.Publish key
        do! complain (program + ": the private key is in " + place.Path)
        return ExitCode.Success
    }

/// `dkim record`.
let again (settings: ToolSettings) (operands: string list) : Command<int> =
    let program = "dkim record"

    command {
        let! place = place program settings operands
        let! key = PrivateKeys.load settings.PassphraseFile place.Path

        let! key =
            key
            |> orFail SysExit.NoInput (fun reason -> program + ": " + place.Path + ": " + reason)

        do! place.Publish key
        return ExitCode.Success
    }
