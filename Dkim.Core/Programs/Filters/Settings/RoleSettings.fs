/// What decides between signing and verifying: the record, its defaults and its rows.
namespace Dkim.Core.Programs.Filters.Settings

open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Filters.Lists
open Dkim.Core.Programs.Filters.Values
open Dkim.Core.Programs.Filters.Values.Rows

/// What decides between signing and verifying, beside lists and keys.
[<NoComparison>]
type internal RoleSettings =
    {
        /// Nothing: both, or in test mode verifying alone.
        Mode: FilterMode voption
        /// MTA: names of the MTA's daemons.
        MtaNames: string list
        /// MacroList
        Macros: MacroTest list
        SubDomains: bool
        /// DontSignMailTo
        UnsignedRecipients: Pattern list
        RequiredHeaders: bool
    }

    member this.Signs = this.Mode |> ValueOption.forall _.Signs
    member this.Verifies = this.Mode |> ValueOption.forall _.Verifies

module internal RoleSettings =
    let defaults: RoleSettings =
        {
            Mode = ValueNone
            MtaNames = []
            Macros = []
            SubDomains = false
            UnsignedRecipients = []
            RequiredHeaders = false
        }

    /// What the filter does.
    let mode: Setting<RoleSettings> list =
        [
            Setting.optional "Mode" Codecs.mode _.Mode (fun v s -> { s with Mode = v })
            |> both 'b'
            |> Setting.mends Codecs.tryMendMode
            |> Setting.brings ListNames.NeedsKey
            |> Setting.says "sign, verify, or both (default: sv, and v with -t)"
        ]

    /// Mail that comes from where ours comes from.
    let origins: Setting<RoleSettings> list =
        [
            Setting.make "MTA" (Codecs.texts "NAME,...") _.MtaNames (fun v s -> { s with MtaNames = v })
            |> both 'm'
            |> Setting.says "sign what comes in by these daemons of the MTA"
            |> Setting.detail "Names as in DaemonPortOptions of sendmail(8), or in milter_macro_daemon_name of Postfix."
            Setting.make "MacroList" MacroTest.codec _.Macros (fun v s -> { s with Macros = v })
            |> both 'M'
            |> Setting.says "sign where one of these macros of the MTA is set"
            |> Setting.detail "With values, to one of them, in any case."
        ]

    /// Mail of domains below those that are listed.
    let subDomains: Setting<RoleSettings> list =
        [
            switch "SubDomains" _.SubDomains (fun v s -> { s with SubDomains = v })
            |> both 'D'
            |> Setting.says "sign the mail of domains below them, too"
            |> Setting.detail
                "The signature is that of the listed domain, in i= too, so that a key record with t=s allows it."
        ]

    /// Mail that is not signed.
    let recipients: Setting<RoleSettings> list =
        [
            Setting.make "DontSignMailTo" (Pattern.listCodec "ADDRESS,...") _.UnsignedRecipients (fun v s ->
                { s with UnsignedRecipients = v })
            |> key
            |> Setting.says "do not sign a message that has one of these recipients"
            |> Setting.detail "A * stands for any characters."
        ]

    /// Mail that is not looked at further.
    let format: Setting<RoleSettings> list =
        [
            switch "RequiredHeaders" _.RequiredHeaders (fun v s -> { s with RequiredHeaders = v })
            |> both 'r'
            |> Setting.says "look whether every field is there as often as RFC 5322 has it"
            |> Setting.detail
                "A message that is not so is neither signed nor refused; verifying, its result is permerror (bad format)."
        ]
