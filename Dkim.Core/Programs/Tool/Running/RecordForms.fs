/// A record in the forms that name servers, forms in browsers and tools take.
module internal Dkim.Core.Programs.Tool.Running.RecordForms

open Dkim.Core.Records
open Dkim.Core.KeyCheck

let private json (name: string) (text: string) : Json =
    Json.Object
        [
            name, Json.List [ Json.List(Publication.strings text |> List.map Json.Text) ]
        ]

let private all (name: string) (text: string) : string =
    "; for a zone file\n"
    + Publication.zoneFile name text
    + "\n; the TXT record of "
    + name
    + " as one text, for a form in a browser\n"
    + text
    + "\n\n# for the data file of tinydns\n"
    + Publication.tinydns name text
    + "\n# as JSON, for dkim --zone\n"
    + Json.render (json name text)
    + "\n\n; for nsupdate\n"
    + Publication.nsupdate name text

/// The TXT record of a name. It ends with a line end.
let ofTxt (form: RecordForm) (name: string) (text: string) : string =
    match form with
    | RecordForm.Zone -> Publication.zoneFile name text
    | RecordForm.Text -> text + "\n"
    | RecordForm.Tinydns -> Publication.tinydns name text
    | RecordForm.Json -> Json.render (json name text) + "\n"
    | RecordForm.Nsupdate -> Publication.nsupdate name text
    | RecordForm.All -> all name text

/// What is to be published under a name. An alias has no form for `dkim --zone`: there its target stands for it.
let ofPublish (form: RecordForm) (name: string) (publish: Publish) : string =
    match publish, form with
    | Publish.Txt text, form -> ofTxt form name text
    | Publish.Alias target, (RecordForm.Zone | RecordForm.All) -> Publication.aliasZone name target
    | Publish.Alias target, (RecordForm.Text | RecordForm.Json) -> target + "\n"
    | Publish.Alias target, RecordForm.Tinydns -> Publication.aliasTinydns name target
    | Publish.Alias target, RecordForm.Nsupdate -> Publication.aliasNsupdate name target

/// All forms as members of an object.
let jsonOfPublish (name: string) (publish: Publish) : Json =
    let form form = Json.Text(ofPublish form name publish)

    let kind, asString, asJson =
        match publish with
        | Publish.Txt text -> "TXT", text, json name text
        | Publish.Alias target -> "CNAME", target, Json.Null

    Json.Object
        [
            "type", Json.Text kind
            "string", Json.Text asString
            "zone", form RecordForm.Zone
            "tinydns", form RecordForm.Tinydns
            "json", asJson
            "nsupdate", form RecordForm.Nsupdate
        ]
