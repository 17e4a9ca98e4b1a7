/// dkim-filter's decision on a message: signed, verified or left as it is.
module internal Dkim.Core.Programs.Filters.DkimFilter

open Dkim.Core.Programs.Filters.Milter
open Dkim.Core.Programs.Filters.Settings
open Dkim.Core.Programs.Filters.Deciding

/// The program that a policy makes.
let parts (policy: FilterPolicy) : MilterHandler =
    Handling.parts
        Product.dkimFilter
        policy
        {
            Verify = MessageVerifier.work
            Malformed = MessageVerifier.badFormat
        }
