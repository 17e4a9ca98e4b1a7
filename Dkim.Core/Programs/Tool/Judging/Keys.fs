/// The policy by which messages are judged, and where the keys for it come from.
module internal Dkim.Core.Programs.Tool.Judging.Keys

open Dkim.Core.Dns
open Dkim.Core.Asking
open Dkim.Core.Signatures
open Dkim.Core.Programs.Running
open Dkim.Core.Programs.Tool.Running
open Dkim.Core.Programs.Tool.Running.Command

/// What the settings make of the verifier's policy.
let policy (settings: ToolSettings) : VerifyPolicy =
    { VerifyPolicy.defaults with
        AllowSha1 = settings.AllowSha1
        MinimumRsaBits = settings.MinimumRsaBits
        RefuseUnsignedOctets = settings.RefuseUnsignedOctets
    }

/// Where keys come from: a file, read once, or the DNS.
type KeySource =
    | FromFile of (Question -> Answer)
    | FromDns of ToolResolver

let private fileSource path (parse: string -> Result<Question -> Answer, string>) : Command<KeySource> =
    command {
        let! contents = read FileKind.Configuration path

        let! answer =
            FileContents.text contents
            |> Result.bind parse
            |> orFail SysExit.NoInput (fun reason -> "dkim: " + path + ": " + reason)

        return FromFile answer
    }

let private zoneAnswers (text: string) =
    Zone.parse text |> Result.map Zone.answer

let private testKeyAnswers (text: string) =
    TestKeys.parse text
    |> Result.map (fun keys -> keys.Find)
    |> Result.mapError (fun line -> "line " + string line + ": a name without a record")

let keySource (settings: ToolSettings) : Command<KeySource> =
    match settings.Zone, settings.TestKeys with
    | ValueSome path, _ -> fileSource path zoneAnswers
    | ValueNone, ValueSome path -> fileSource path testKeyAnswers
    | ValueNone, ValueNone -> fun rest -> rest (FromDns settings.Resolver)

/// The keys of one message.
let ask (source: KeySource) (questions: Question list) : Command<Question -> Answer> =
    match source with
    | FromFile answer -> fun rest -> rest answer
    | FromDns resolver -> lookUp resolver questions

/// The keys of many messages.
let askAll (source: KeySource) (questions: Question list) : Command<Question -> Answer> =
    match source with
    | FromFile answer -> fun rest -> rest answer
    | FromDns resolver -> lookUpAll resolver questions
