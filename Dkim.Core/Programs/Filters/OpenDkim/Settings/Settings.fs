/// The settings of opendkim: those of a milter, the data sets that they name, and what is opendkim's own.
namespace Dkim.Core.Programs.Filters.OpenDkim.Settings

open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Records
open Dkim.Core.Tables
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Filters.Settings
open Dkim.Core.Programs.Filters.Values.Rows

/// What opendkim decides by that dkim-filter does not have.
[<NoComparison>]
type internal OwnSettings =
    {
        MultipleSignatures: bool
        /// Whether a start looks for every key that SigningTable names.
        ChecksSigningTable: bool
        /// A check looks at every row of stores, too.
        WalksStores: bool
        RequireSafeKeys: bool
        StrictHeaders: bool
        RequiredHeaders: bool
        WeakSyntaxChecks: bool
        IgnoreMalformedMail: bool
        KeepAuthResults: bool
        NoHeaderB: bool
        LogResults: bool
        /// Under its old name.
        OldXHeader: bool
        /// The field of a message that chooses the canonicalization of its signatures.
        CanonicalizationField: string
        /// r=y
        RequestReports: bool
        /// atpsh=
        SignerNaming: SignerNaming
        /// The macro that names the sender, as the file has it.
        SenderMacro: string voption
        /// The sender of a message that names none.
        DefaultSender: Address voption
        /// Who gets mail with a bad signature in place of its recipients.
        RedirectFailuresTo: Address voption
        Actions: Actions
    }

/// What is asked in place of a start.
type internal Inquiry =
    /// -n, or nothing
    | NoInquiry
    /// -e: the value of a key.
    | ValueOf of key: string
    /// -Q: look-ups that standard input has.
    | Lookups

[<NoComparison; NoEquality>]
type internal OpenDkimSettings =
    {
        Filter: FilterSettings
        /// By the name of the setting.
        Sets: Map<string, SetPlace>
        KeyFile: string voption
        Selector: string voption
        /// The file of rules by which the MTA will change fields.
        ReplaceRules: string voption
        Own: OwnSettings
        Stores: StoreSettings
        Inquiry: Inquiry
    }

module internal OwnSettings =
    let defaults: OwnSettings =
        {
            MultipleSignatures = false
            ChecksSigningTable = true
            WalksStores = false
            RequireSafeKeys = true
            StrictHeaders = false
            RequiredHeaders = false
            WeakSyntaxChecks = false
            IgnoreMalformedMail = false
            KeepAuthResults = false
            NoHeaderB = false
            LogResults = false
            OldXHeader = false
            CanonicalizationField = "X-Canonicalization"
            RequestReports = false
            SignerNaming = HashedName Sha256
            SenderMacro = ValueNone
            DefaultSender = ValueNone
            RedirectFailuresTo = ValueNone
            Actions = Actions.defaults
        }

module internal OpenDkimSettings =
    /// More signatures of a message are not verified.
    [<Literal>]
    let private MostVerified = 3

    let defaults: OpenDkimSettings =
        let policy = FilterSettings.dkim.Policy

        {
            Filter =
                { FilterSettings.dkim with
                    Policy =
                        { policy with
                            Verifying.Policy =
                                { policy.Verifying.Policy with
                                    SignaturesVerified = MostVerified
                                }
                        }
                }
            Sets = Map.empty
            KeyFile = ValueNone
            Selector = ValueNone
            ReplaceRules = ValueNone
            Own = OwnSettings.defaults
            Stores = StoreSettings.defaults
            Inquiry = NoInquiry
        }

    /// Rows of the parts, as rows of the whole.
    let filter rows : Setting<OpenDkimSettings> list =
        part _.Filter (fun v s -> { s with Filter = v }) rows

    let own rows : Setting<OpenDkimSettings> list =
        part _.Own (fun v s -> { s with Own = v }) rows

    let stores rows : Setting<OpenDkimSettings> list =
        part _.Stores (fun v s -> { s with Stores = v }) rows

    /// The data set of a setting.
    let tryPlace (name: string) (settings: OpenDkimSettings) : SetPlace voption =
        settings.Sets |> Map.tryFind name |> ValueOption.ofOption
