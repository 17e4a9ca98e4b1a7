/// The settings of either milter: the rows and what they start from.
namespace Dkim.Core.Programs.Filters.Loading

open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Filters.Settings

/// One of the two milters, to the code that starts them.
[<NoComparison; NoEquality>]
type internal FilterKind =
    {
        Table: Setting<FilterSettings> list
        Defaults: FilterSettings
    }

/// Apart from the programs themselves, so that a tool which reads the settings of one does not contain it.
module internal FilterKind =
    /// dkim-filter, as far as its settings go.
    let dkimFilter: FilterKind =
        {
            Table = DkimFilterTable.table
            Defaults = FilterSettings.dkim
        }

    /// dk-filter, likewise.
    let dkFilter: FilterKind =
        {
            Table = DkFilterTable.table
            Defaults = FilterSettings.domainKeys
        }
