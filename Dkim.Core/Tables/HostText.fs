/// Addresses and networks as the texts that host lists are compared with (inet_ntop(3)).
module Dkim.Core.Tables.HostText

open System
open System.Globalization
open System.Net

let private groups (octets: byte[]) : int list =
    [
        for at in 0..2..14 do
            (int octets[at] <<< 8) ||| int octets[at + 1]
    ]

let private hex (group: int) =
    group.ToString("x", CultureInfo.InvariantCulture)

// The longest run of two zero groups or more, the first of several: where it begins and how long it is.
let private longestRun (groups: int list) : struct (int * int) =
    let rec search at from (struct (best, length)) rest =
        let run = at - from

        let better =
            if run > length then
                struct (from, run)
            else
                struct (best, length)

        match rest with
        | 0 :: rest -> search (at + 1) from (struct (best, length)) rest
        | _ :: rest -> search (at + 1) (at + 1) better rest
        | [] -> better

    search 0 0 (struct (-1, 1)) groups

let private ofIPv4 (octets: byte[]) = String.Join('.', octets)

let private ofIPv6 (octets: byte[]) : string =
    let all = groups octets
    let struct (start, length) = longestRun all
    let colons (part: int list) = String.Join(':', List.map hex part)

    // The last 32 bits of an address that stands for one of IPv4 are written as that.
    if start = 0 && (length = 6 || length = 5 && all[5] = 0xffff) then
        (if length = 6 then "::" else "::ffff:") + ofIPv4 octets[12..]
    elif start < 0 then
        colons all
    else
        colons (List.take start all) + "::" + colons (List.skip (start + length) all)

/// The text of an address.
let ofOctets (octets: byte[]) : string =
    if octets.Length = 4 then ofIPv4 octets else ofIPv6 octets

/// The octets of an address with all but the first `bits` cleared.
let masked (bits: int) (octets: byte[]) : byte[] =
    octets
    |> Array.mapi (fun at octet ->
        let kept = Math.Clamp(bits - at * 8, 0, 8)
        octet &&& byte (0xff00 >>> kept))

/// How many bits an address has.
let bits (octets: byte[]) : int = octets.Length * 8

/// The octets of an address that is written in one of its forms, brackets around it or not.
let tryRead (text: string) : byte[] voption =
    let bare =
        if text.StartsWith '[' && text.EndsWith ']' then
            text.Substring(1, text.Length - 2)
        else
            text

    let isWritten =
        bare.Contains ':'
        || (bare.Split '.').Length = 4
           && bare |> String.forall (fun c -> Char.IsAsciiDigit c || c = '.')

    match IPAddress.TryParse bare with
    | true, NonNull address when isWritten && not (bare.Contains '%') -> ValueSome(address.GetAddressBytes())
    | _ -> ValueNone
