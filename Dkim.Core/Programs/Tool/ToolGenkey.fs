/// `dkim genkey`: a new key, and its record in the forms that name servers take.
module internal Dkim.Core.ToolGenkey

open System
open Dkim.Core.Step

[<Literal>]
let private Program = "dkim genkey"

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

let run (settings: ToolSettings) (operands: string list) : Step<int> =
    let needs name value =
        ToolKeys.required Program name ("write --" + name + "=...") value

    command {
        let! selector = needs "selector" settings.Selector
        let! domain = needs "domain" settings.Domain

        do! ToolKeys.noOperands Program operands
        let path = settings.KeyFile |> ValueOption.defaultValue (selector.Text + ".private")
        let! key, pem = ToolKeys.generate settings.KeyType settings.Bits
        do! ToolKeys.save Program ExitCode.CannotCreate path pem
        let text = KeyRecord.render (record settings key)
        do! print (inForm settings.Form (KeyRecord.name selector domain) text)
        do! complain (Program + ": the private key is in " + path)
        return ExitCode.Success
    }
