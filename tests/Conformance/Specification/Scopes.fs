/// Every text of a small scope, in order, and how far a scope goes.
module Dkim.Tests.Conformance.Specification.Scopes

open System

/// Whether the scopes are those of a full run, which takes minutes, or those of every day.
let full = Environment.GetEnvironmentVariable "DKIM_FULL_SCOPE" = "1"

/// The greatest length: of every day, and of a full run.
let upTo (daily: int) (whole: int) = if full then whole else daily

/// Calls with every text of a length over some pieces, which may be longer than a character.
let private ofLength (pieces: string[]) (length: int) (visit: string -> unit) =
    let digits: int[] = Array.zeroCreate length
    let mutable going = true

    while going do
        visit (digits |> Array.map (fun digit -> pieces[digit]) |> String.concat "")
        let mutable place = length - 1

        while place >= 0 && digits[place] = pieces.Length - 1 do
            digits[place] <- 0
            place <- place - 1

        if place < 0 then
            going <- false
        else
            digits[place] <- digits[place] + 1

/// Calls with every text of at most `length` pieces. Returns how many there are.
let every (pieces: string list) (length: int) (visit: string -> unit) : int =
    let mutable count = 0

    for each in 0..length do
        ofLength (Array.ofList pieces) each (fun text ->
            count <- count + 1
            visit text)

    count
