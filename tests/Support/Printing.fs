/// Text on its way to a screen or into a file of results.
module Dkim.Tests.Printing

open System.Text

let private append (text: StringBuilder) (c: char) : StringBuilder =
    if c = '\n' || (c >= ' ' && c < '\127') then text.Append c
    elif c = '\r' then text.Append "\\r"
    elif c = '\t' then text.Append "\\t"
    else text.Append("\\u").Append((int c).ToString "x4")

/// Nothing but printable ASCII and line ends: control characters would reach the terminal, and XML does not know them.
let text (value: string) : string =
    (value |> Seq.fold append (StringBuilder value.Length)).ToString()

/// The same on one line.
let line (value: string) : string = (text value).Replace("\n", "\\n")

/// The same on one line, cut where it is long.
let short (value: string) : string =
    let whole = line value

    if whole.Length > 100 then
        whole.Substring(0, 100) + "..."
    else
        whole
