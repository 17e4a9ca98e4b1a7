/// Macros of the MTA that show whose a message is (dkim-filter.conf(5) MacroList).
namespace Dkim.Core.Programs.Filters.Lists

open System
open Dkim.Core.Programs.Settings

/// A macro of the MTA that shows a message to be local: any value, or one of a few.
type MacroTest =
    {
        /// Without braces.
        Name: string
        Values: string list
    }

module MacroTest =
    /// The name of a macro without braces.
    let bare (name: string) : string =
        name.Trim().TrimStart('{').TrimEnd('}').Trim()

    /// `name[=value[|value...]]`, with or without braces around the name.
    let parse (text: string) : MacroTest =
        let name, values =
            match text.IndexOf '=' with
            | -1 -> text, []
            | at -> text.Substring(0, at), List.ofArray (text.Substring(at + 1).Split '|')

        {
            Name = bare name
            Values = values |> List.map _.Trim()
        }

    let show (test: MacroTest) : string =
        match test.Values with
        | [] -> test.Name
        | values -> test.Name + "=" + String.Join('|', values)

    /// Whether the macro, of which `find` gives the value, is there and fits.
    let holds (find: string -> string voption) (test: MacroTest) : bool =
        match find test.Name with
        | ValueNone -> false
        | ValueSome value ->
            let isValue (wanted: string) =
                wanted.Equals(value, StringComparison.OrdinalIgnoreCase)

            List.isEmpty test.Values || List.exists isValue test.Values

    let internal codec: Codec<MacroTest list> =
        {
            Shape = "MACRO[=VALUE[|VALUE...]],..."
            Parse = Pattern.items >> List.map parse >> Ok
            Show = List.map show >> String.concat ","
        }
