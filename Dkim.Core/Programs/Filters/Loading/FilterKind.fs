/// The settings of a milter: the rows, what they start from, and how they are written.
namespace Dkim.Core.Programs.Filters.Loading

open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Filters.Settings

/// One of the milters, to the code that starts them.
[<NoComparison; NoEquality>]
type internal FilterKind<'s> =
    {
        Table: Setting<'s> list
        Defaults: 's
        Style: FileStyle
        /// The file that is read where none is named and this one can be.
        DefaultFile: string voption
        Service: 's -> FilterService
        /// What the command line changes in what it and the file say.
        Finish: Given<'s> list -> 's -> 's
    }

/// Apart from the programs themselves, so that a tool which reads the settings of one does not contain it.
module internal FilterKind =
    // With -K, or dk-filter's -k, the key file is a key list; a key file of the command line beats a list of the file.
    let private withKeys table (line: Given<FilterSettings> list) (settings: FilterSettings) =
        let names = settings.Names
        let keyFiles = Settings.named table "KeyFile"

        let named =
            line |> List.exists (fun given -> List.contains given.Setting.Name keyFiles)

        if names.MultipleKeys && names.KeyFile.IsSome && (named || names.KeyList.IsNone) then
            { settings with
                Names.KeyList = names.KeyFile
            }
        elif named && names.KeyFile.IsSome && not names.MultipleKeys then
            { settings with
                Names.KeyList = ValueNone
            }
        else
            settings

    let private ofTable table defaults : FilterKind<FilterSettings> =
        {
            Table = table
            Defaults = defaults
            Style = KeyAndToken
            DefaultFile = ValueNone
            Service = _.Service
            Finish = withKeys table
        }

    /// dkim-filter, as far as its settings go.
    let dkimFilter: FilterKind<FilterSettings> =
        ofTable DkimFilterTable.table FilterSettings.dkim

    /// dk-filter, likewise.
    let dkFilter: FilterKind<FilterSettings> =
        ofTable DkFilterTable.table FilterSettings.domainKeys
