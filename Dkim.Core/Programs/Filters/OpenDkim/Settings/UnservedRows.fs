/// Keys of old and of rare files: what is taken without effect, and what is refused with the reason, since a filter that
/// went on without it would do another thing than its file says (opendkim.conf(5)).
module internal Dkim.Core.Programs.Filters.OpenDkim.Settings.UnservedRows

open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Filters.Values.Rows

let private old = "Removed with OpenDKIM 2.10."
let private unbuilt = "No package of a distribution has it built in."

let private inertKeys: (string * string list) list =
    [
        old,
        [
            "AddAllSignatureResults"
            "ADSPAction"
            "ADSPNoSuchDomain"
            "BogusPolicy"
            "DisableADSP"
            "LocalADSP"
            "NoDiscardableMailTo"
            "On-PolicyError"
            "SendADSPReports"
            "UnprotectedPolicy"
        ]
        "There is no such thing to turn on or off.",
        [
            "AllowSHA1Only"
            "DisableCryptoInit"
            "MilterDebug"
            "Quarantine"
            "On-ReputationError"
            "DomainKeysCompat"
            "CaptureUnknownErrors"
            "DNSConnect"
            "ResolverTracing"
        ]
        "Neither PLAIN nor EXTERNAL has realms.", [ "LDAPAuthRealm" ]
        "The service manager does it, or nobody.", [ "ChangeRootDirectory"; "ResolverConfiguration" ]
        "It is not served yet.", [ "DiagnosticDirectory" ]
        unbuilt,
        [
            "Statistics"
            "StatisticsName"
            "StatisticsPrefix"
            "VBR-Certifiers"
            "VBR-PurgeFields"
            "VBR-TrustedCertifiers"
            "VBR-TrustedCertifiersOnly"
            "VBR-Type"
        ]
    ]

let private refusedKeys: (string * string list) list =
    [
        "Lua is not supported; SigningTable, MultipleSignatures and the On- keys decide in its place",
        [
            "SetupPolicyScript"
            "ScreenPolicyScript"
            "FinalPolicyScript"
            "StatisticsPolicyScript"
            "LuaOnlySigning"
        ]
        "not supported; the second field of SigningTable is i= of signatures",
        [ "IdentityHeader"; "IdentityHeaderRemove" ]
        "not supported; it was of a draft that no verifier knows: leave it out", [ "ConditionalSignatures" ]
        "not supported; a second filter in Mode s signs what this one has verified", [ "ResignMailTo"; "ResignAll" ]
        "not supported; MTACommand sends the reports", [ "SMTPURI" ]
        "not supported; limits by domain are the MTA's", [ "FlowData"; "FlowDataFactor"; "FlowDataTTL"; "RateLimits" ]
        "not supported: the reputation service is gone; leave it out",
        [
            "ReputationCache"
            "ReputationCacheTTL"
            "ReputationDuplicates"
            "ReputationLimitModifiers"
            "ReputationLimits"
            "ReputationLowTime"
            "ReputationMinimum"
            "ReputationRRDHashDepth"
            "ReputationRRDRoot"
            "ReputationRatios"
            "ReputationSpamCheck"
            "ReputationTimeFactor"
            "ReputationTimeout"
        ]
    ]

let private inert why name : Setting<OpenDkimSettings> =
    Setting.inert name Arity.Once "VALUE" why |> key

let private refused why name : Setting<OpenDkimSettings> =
    let codec: Codec<unit> =
        {
            Shape = "VALUE"
            Parse = fun _ -> Error(name + ": " + why)
            Show = fun () -> ""
        }

    Setting.optional name codec (fun _ -> ValueNone) (fun _ s -> s)
    |> key
    |> Setting.says ("refused: " + why)

/// Taken without effect; a start says so.
let taken: Setting<OpenDkimSettings> list =
    inertKeys |> List.collect (fun (why, names) -> names |> List.map (inert why))

/// Refused.
let refusals: Setting<OpenDkimSettings> list =
    refusedKeys
    |> List.collect (fun (why, names) -> names |> List.map (refused why))
