namespace Dkim.Core.Explaining.Edits

/// How much may still be done to explain one message, so that explaining ends whatever the message is: in octets that are
/// read, written or hashed.
[<Sealed>]
type Effort private (octets: int64, whole: Effort voption) =
    let mutable left = octets

    new(octets: int64) = Effort(octets, ValueNone)

    /// For all signatures of one message together: less than two seconds on a common machine.
    static member OfMessage() = Effort 3_000_000_000L

    /// The same for who asked for more: a minute or so.
    static member Deep() = Effort 90_000_000_000L

    /// What a call costs beside the octets that it works on, as a hash does that is finished.
    static member PerHash = 2000L

    /// What checking a signature costs.
    static member PerVerification = 100_000L

    member _.Left: int64 =
        match whole with
        | ValueSome whole -> min left whole.Left
        | ValueNone -> left

    /// How much of it is spent, in percent. Somebody else may look while it is being spent.
    member this.Spent: int = int ((octets - this.Left) * 100L / max 1L octets)

    /// Takes a piece of work from what is left; false where there is not enough for it.
    member this.Spend(work: int64) : bool =
        if work <= this.Left then
            left <- left - work
            whole |> ValueOption.forall (fun whole -> whole.Spend work)
        else
            false

    /// A share of what is left, which is spent of it.
    member this.Share(divisor: int64) : Effort =
        Effort(this.Left / divisor, ValueSome this)
