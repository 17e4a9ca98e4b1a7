/// Key records as people hand them to their name servers (RFC 6376 §3.6.1–2, RFC 1035 §5).
module Dkim.Core.Records.Publication

open System
open System.Text
open Dkim.Core.Words

/// The longest string of a TXT record, in octets (RFC 1035 §3.3.14).
[<Literal>]
let private StringLimit = 255

/// Seconds for which name servers may keep a record, where a form has to say it.
[<Literal>]
let private TimeToLive = "3600"

/// The pieces of a text of at most `size` characters.
let internal pieces (size: int) (text: string) : string list =
    [
        for at in 0..size .. text.Length - 1 do
            text.Substring(at, min size (text.Length - at))
    ]

/// The strings that a TXT record of this text consists of.
let strings (text: string) : string list = pieces StringLimit text

// What a string of a zone file cannot hold as it is (RFC 1035 §5.1).
let private decimal (c: char) =
    match c with
    | '\\'
    | '"' -> "\\" + string c
    | c when c < ' ' || c > '~' -> "\\" + (int c).ToString "000"
    | c -> string c

/// A string as a zone file quotes it.
let internal quoted (text: string) : string =
    "\"" + String.collect decimal text + "\""

/// For a zone file in the form of RFC 1035.
let zoneFile (name: string) (text: string) : string =
    let lines = strings text |> List.map (fun piece -> "\t" + quoted piece)
    name + ".\tIN\tTXT\t(\n" + String.Join("\n", lines) + " )\n"

// What tinydns-data would take for something else, and what no line can hold.
let private octal (c: char) =
    if c = ':' || c = '\\' || c < ' ' || c > '~' then
        "\\" + Convert.ToString(int c, 8).PadLeft(3, '0')
    else
        string c

/// For the data file of tinydns, which cuts the strings itself.
let tinydns (name: string) (text: string) : string =
    "'" + name + ":" + String.collect octal text + ":" + TimeToLive + "\n"

let private update (name: string) (added: string) : string =
    "update delete "
    + name
    + ". TXT\nupdate add "
    + name
    + ". "
    + TimeToLive
    + " "
    + added
    + "\nsend\n"

/// For nsupdate(1): the record in the place of all TXT records of its name.
let nsupdate (name: string) (text: string) : string =
    let strings = strings text |> List.map quoted
    update name ("TXT " + String.Join(" ", strings))

/// An alias for a zone file.
let aliasZone (name: string) (target: string) : string =
    name + ".\tIN\tCNAME\t" + target + ".\n"

/// An alias for the data file of tinydns.
let aliasTinydns (name: string) (target: string) : string =
    "C" + name + ":" + target + ":" + TimeToLive + "\n"

/// An alias for nsupdate(1), in the place of all TXT records of its name.
let aliasNsupdate (name: string) (target: string) : string = update name ("CNAME " + target + ".")

/// The longest name in the DNS, in characters (RFC 1035 §2.3.4).
[<Literal>]
let private LongestName = 253

/// Why no record can stand under the name of a key, and what to do about it.
let obstacle (selector: Selector) (domain: string) : string voption =
    let hasMarker (name: string) =
        name.Split '.'
        |> Array.exists (fun label -> label.Equals("_domainkey", StringComparison.OrdinalIgnoreCase))

    let length = selector.Text.Length + "._domainkey.".Length + domain.Length

    if hasMarker selector.Text then
        ValueSome "the selector has _domainkey in it, which is put behind it anyway: leave it out"
    elif hasMarker domain then
        ValueSome "the domain has _domainkey in it, which is put before it anyway: leave it out"
    elif length > LongestName then
        ValueSome(
            "selector, _domainkey and domain make a name of "
            + string length
            + " characters, and the DNS has none over "
            + string LongestName
            + ": choose a shorter selector"
        )
    else
        ValueNone

/// The name of a key below its domain, or relative to the zone.
let label (selector: Selector) : string = selector.Text + "._domainkey"

/// The record text in the form of opendkim-genkey: p= in strings of its own, and a comment behind it.
let opendkim (label: string) (head: string) (keyData: byte[]) (comment: string) : string =
    // opendkim-genkey counts the key alone; p= comes on top.
    let data =
        pieces 250 (Convert.ToBase64String keyData)
        |> List.mapi (fun index piece -> "\n\t  " + quoted (if index = 0 then "p=" + piece else piece))

    let text = StringBuilder(label + "\tIN\tTXT\t( " + quoted head)
    data |> List.iter (fun line -> text.Append line |> ignore)
    text.Append(" )  ; ----- " + comment + "\n").ToString()

/// A record in the form of opendkim-genzone: the first string is somewhat longer than the others. `name` may have a time to
/// live behind it; semicolons of `text` are escaped.
let opendkimZone (name: string) (text: string) : string =
    let first = min 75 text.Length

    let strings =
        text.Substring(0, first) :: pieces 66 (text.Substring first)
        |> List.map (fun piece -> "\"" + piece + "\"")

    name + "\tIN\tTXT\t( " + String.Join("\n\t", strings) + " )\n"
