/// The filters, as they name themselves.
namespace Dkim.Core.Programs.Filters.Deciding

open Dkim.Core.Records

/// What tells one filter from the other.
type internal Product =
    {
        /// Its name as a program.
        Program: string
        /// Its name and version, as fields and logs have them.
        Banner: string
        /// The field that tells of its presence.
        XField: string
        /// User-Agent of reports.
        UserAgent: string
        /// The variable of the environment that names the directory of temporary files.
        DirectoryVariable: string
        Scheme: Scheme
        /// Where its fields stand in the header as the MTA has it, 0 being on top.
        Place: int
    }

module internal Product =
    let dkimFilter =
        {
            Program = "dkim-filter"
            Banner = "Sendmail DKIM Filter v2.8.3"
            XField = "X-DKIM"
            UserAgent = "Sendmail-DKIM-Filter/2.8.3"
            DirectoryVariable = "DKIM_TMPDIR"
            Scheme = Dkim
            Place = 0
        }

    let dkFilter =
        {
            Program = "dk-filter"
            Banner = "Sendmail DomainKeys Filter v1.0.0"
            XField = "X-DomainKeys"
            UserAgent = "Sendmail-DomainKeys-Filter/1.0.0"
            DirectoryVariable = "DK_TMPDIR"
            Scheme = DomainKeys
            // Below the MTA's own Received, which no filter is shown: the signature covers what stands under it.
            Place = 1
        }

    let openDkim =
        { dkimFilter with
            Program = "opendkim"
            Banner = "OpenDKIM Filter v2.11.0"
            XField = "DKIM-Filter"
            UserAgent = "OpenDKIM-Filter/2.11.0"
        }
