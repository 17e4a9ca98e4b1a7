/// dkim-filter's decision on a message: signed, verified or left as it is.
module internal Dkim.Core.Programs.Filters.DkimFilter





/// The program that a policy makes.
let parts (policy: FilterPolicy) : MilterParts =
    FilterCourse.parts
        FilterProduct.dkimFilter
        policy
        {
            Verify = FilterVerifier.work
            Malformed = FilterVerifier.badFormat
        }
