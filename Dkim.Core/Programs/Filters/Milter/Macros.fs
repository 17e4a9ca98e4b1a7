/// What the MTA tells beside a message: its client, and macros.
namespace Dkim.Core.Programs.Filters.Milter

open System
open System.Net
open System.Text
open Dkim.Core.Words

/// The client of an MTA, as the MTA names it when a connection begins.
type MilterClient =
    {
        /// The name, or the address in brackets where it has none.
        HostName: string
        /// Nothing where mail is submitted on the machine itself.
        Address: IPAddress voption
    }

/// The commands of an MTA that macros belong to, in the order in which they come.
type MacroStage =
    | Connect = 0
    | Helo = 1
    | Mail = 2
    | Recipient = 3
    | Data = 4
    | EndOfHeader = 5
    | EndOfBody = 6

/// The macros that an MTA has sent for a message up to now, by the command that they belong to, in the form in which
/// they came: names and values by turns, each ended by a NUL. On one thread at a time.
[<Sealed>]
type MilterMacros() =
    let texts: byte[][] = Array.create 7 [||]
    let lengths: int[] = Array.zeroCreate 7

    // A longer text is not kept for the next message.
    let worthKeeping = 1024

    /// Where the NUL is that ends what begins at an offset; the end of the text where there is none.
    let ending (text: ReadOnlySpan<byte>) (from: int) : int =
        match text.Slice(min from text.Length).IndexOf 0uy with
        | -1 -> text.Length
        | at -> from + at

    let isNamed (wanted: string) (name: ReadOnlySpan<byte>) =
        let inBraces = name.Length >= 2 && name[0] = '{'B && name[name.Length - 1] = '}'B

        let bare = if inBraces then name.Slice(1, name.Length - 2) else name
        bare.Length = wanted.Length && Ascii.Equals(bare, wanted)

    let tryFindAt (stage: int) (wanted: string) : string voption =
        let text = ReadOnlySpan(texts[stage], 0, lengths[stage])
        let mutable at = 0
        let mutable found = ValueNone

        while found.IsNone && at < text.Length do
            let nameEnd = ending text at
            let valueStart = min text.Length (nameEnd + 1)
            let valueEnd = ending text valueStart

            if isNamed wanted (text.Slice(at, nameEnd - at)) then
                found <- ValueSome(Octets.latin1 (text.Slice(valueStart, valueEnd - valueStart)))

            at <- valueEnd + 1

        found

    /// The value that came first; an empty one only where there is no other.
    let rec tryFind (stages: int) stage (empty: string voption) (wanted: string) : string voption =
        if stage = stages then
            empty
        else
            match tryFindAt stage wanted with
            | ValueSome value when value <> "" -> ValueSome value
            | ValueSome value -> tryFind stages (stage + 1) (ValueSome value) wanted
            | ValueNone -> tryFind stages (stage + 1) empty wanted

    /// The octets of memory that they take.
    member _.Size: int64 = texts |> Array.sumBy (fun text -> int64 text.Length)

    /// Takes the macros of one command, in place of those that it had.
    member _.Set(stage: MacroStage, text: ReadOnlySpan<byte>) : unit =
        let at = int stage

        if texts[at].Length < text.Length || texts[at].Length > worthKeeping then
            texts[at] <- Array.zeroCreate (max text.Length 64)

        text.CopyTo(Span texts[at])
        lengths[at] <- text.Length

    /// Forgets the macros of a command and of those that follow it.
    member _.Forget(stage: MacroStage) : unit =
        for at = int stage to texts.Length - 1 do
            lengths[at] <- 0

            if texts[at].Length > worthKeeping then
                texts[at] <- [||]

    /// The value of a macro, named without braces, that came first: `i`, `auth_type`.
    member _.Find(name: string) : string voption = tryFind texts.Length 0 ValueNone name

    /// The value that came when the client connected: `daemon_name`.
    member _.FindAtConnect(name: string) : string voption = tryFind 1 0 ValueNone name

/// The macros, without braces, that an MTA is asked for; at other stages it tells what it is set up to tell.
type WantedMacros =
    {
        /// Empty: those that it is set up to tell.
        AtConnect: string list
        AtEndOfHeader: string list
    }

module internal MilterMacros =
    // Which entrance of the MTA mail came in by. Only who holds the client's connection knows it: asked at the end of the
    // header, Postfix's cleanup says its own `$myhostname` for `{daemon_name}`, whichever port mail came in by.
    let ofEntrance =
        [ "daemon_name"; "daemon_addr"; "daemon_port"; "if_name"; "if_addr" ]

    // What every MTA tells unasked at an earlier stage (milter_connect_macros and milter_mail_macros of postconf(5),
    // confMILTER_MACROS_CONNECT and confMILTER_MACROS_ENVFROM of Sendmail).
    let private ofConnection =
        [ "j"; "_"; "v"; "daemon_name"; "daemon_addr"; "if_name"; "if_addr" ]

    let private ofLogin = [ "auth_type"; "auth_authen"; "auth_author" ]

    /// Macros and their values as an MTA sends them.
    let text (macros: (string * string) list) : byte[] =
        macros
        |> List.map (fun (name, value) -> name + "\000" + value + "\000")
        |> String.concat ""
        |> Octets.ofLatin1

    /// The value of a macro, from a stage at which the MTA can know it.
    let find (macros: MilterMacros) (name: string) : string voption =
        if ofEntrance |> List.contains name then
            macros.FindAtConnect name
        else
            macros.Find name

    /// What to ask for, so that these can be looked at.
    let wanted (names: string list) : WantedMacros =
        let entrance = names |> List.filter (fun name -> List.contains name ofEntrance)

        {
            // An MTA that is asked no longer tells what it tells unasked.
            AtConnect =
                if entrance.IsEmpty then
                    []
                else
                    ofConnection @ entrance |> List.distinct
            AtEndOfHeader = names |> List.distinct |> List.except (ofEntrance @ ofConnection @ ofLogin)
        }
