/// How a signature is written: which tags in which order, and where its lines are folded (RFC 6376 §3.5, RFC 4870 §3.3).
/// Each program keeps the look of its original. The tag b= always comes last, so that its value can be added when known.
namespace Dkim.Core.Records

open System
open System.Text
open Dkim.Core.Message

/// The look of a signature field.
type Layout =
    {
        /// Names of the tags to write where the signature has them; b= last.
        Order: string list
        /// No line is longer than this many columns, the field name counted, where it can be helped.
        Margin: int
        /// What goes between tags where the line is broken, in place of the space.
        TagBreak: string
        /// What breaks a line inside the value of a tag.
        ValueBreak: string
        /// A tag that would fit a line of its own is moved there rather than cut.
        WholeTags: bool
        /// The blank before a tag and the colon behind a name may stand beyond the margin.
        LooseMarks: bool
        /// Lists of names break before the colon, else behind it.
        BreakBeforeColon: bool
        /// Tags that always begin a line.
        Starts: string list
        /// Field names in h= in lower case.
        LowerCaseNames: bool
        /// What follows the value of b=.
        Tail: string
    }

module Layout =
    /// The look of Mail::DKIM and so of dkimproxy.
    let dkimproxy =
        {
            Order = [ "v"; "a"; "c"; "d"; "h"; "s"; "i"; "l"; "q"; "t"; "x"; "z"; "bh"; "b" ]
            Margin = 72
            TagBreak = "\r\n\t "
            ValueBreak = "\r\n\t"
            WholeTags = false
            LooseMarks = false
            BreakBeforeColon = true
            Starts = []
            LowerCaseNames = true
            Tail = ""
        }

    /// The same for DomainKeys.
    let dkimproxyDomainKeys =
        { dkimproxy with
            Order = [ "a"; "c"; "d"; "h"; "q"; "s"; "b" ]
        }

    /// The look of dkim-filter.
    let dkimFilter =
        {
            Order =
                [
                    "v"
                    "a"
                    "c"
                    "d"
                    "s"
                    "t"
                    "x"
                    "i"
                    "r"
                    "atpsh"
                    "atps"
                    "bh"
                    "l"
                    "h"
                    "z"
                    "b"
                ]
            Margin = 75
            TagBreak = "\r\n\t"
            ValueBreak = "\r\n\t "
            WholeTags = true
            LooseMarks = true
            BreakBeforeColon = false
            Starts = [ "b" ]
            LowerCaseNames = false
            Tail = ""
        }

    /// The look of dk-filter, whose tabs count as one column.
    let dkFilter =
        {
            Order = [ "a"; "s"; "d"; "c"; "q"; "h"; "b" ]
            Margin = 72
            TagBreak = "\r\n\t"
            ValueBreak = "\r\n\t"
            WholeTags = true
            LooseMarks = false
            BreakBeforeColon = false
            Starts = [ "h"; "b" ]
            LowerCaseNames = true
            Tail = ""
        }

    /// The columns that a text adds to its last line; a tab reaches column eight.
    let private width (text: string) =
        match text.LastIndexOf '\n' with
        | -1 -> text.Length
        | at -> text.AsSpan(at + 1).Length + 7 * text.AsSpan(at + 1).Count '\t'

    /// A text being folded: what is written so far and the column it ends in.
    type private Page = { Written: StringBuilder; Column: int }

    let private write (text: string) (page: Page) =
        page.Written.Append text |> ignore

        { page with
            Column = page.Column + text.Length
        }

    let private newLine (lineBreak: string) (page: Page) =
        page.Written.Append lineBreak |> ignore
        { page with Column = width lineBreak }

    /// A part that is not cut, on the next line when this one is full.
    let private solid (layout: Layout) (part: string) (page: Page) =
        let needed =
            if layout.LooseMarks && part.EndsWith ':' then
                part.Length - 1
            else
                part.Length

        if page.Column + needed > layout.Margin then
            page |> newLine layout.ValueBreak |> write part
        else
            write part page

    /// Text that may be cut anywhere fills its lines.
    let rec private fluid (layout: Layout) (text: string) (page: Page) =
        let room = layout.Margin - page.Column

        if text.Length <= room then
            write text page
        elif room <= 0 then
            page |> newLine layout.ValueBreak |> fluid layout text
        else
            page
            |> write (text.Substring(0, room))
            |> newLine layout.ValueBreak
            |> fluid layout (text.Substring room)

    let private isFluid name = name = "b" || name = "bh" || name = "z"

    /// The parts of a list of names, each with its colon.
    let private nameParts (layout: Layout) (value: string) : string list =
        let names = List.ofArray (value.Split ':')

        if layout.BreakBeforeColon then
            names.Head :: (names.Tail |> List.map (fun name -> ":" + name))
        else
            names
            |> List.mapi (fun index name -> if index < names.Length - 1 then name + ":" else name)

    let private writeValue (layout: Layout) (name: string) (value: string) (page: Page) =
        if isFluid name then
            fluid layout value page
        else
            let parts = if name = "h" then nameParts layout value else [ value ]
            parts |> List.fold (fun page part -> solid layout part page) page

    /// The value with the `;` that follows it, for which room must be left.
    let private writeTag (layout: Layout) (first: bool) (name: string, value: string) (page: Page) =
        let head = name + "="
        let blank = if layout.LooseMarks then 0 else 1
        let needed = head.Length + (if layout.WholeTags then value.Length else 0)

        let stays =
            first
            || page.Column + blank + needed <= layout.Margin
               && not (List.contains name layout.Starts)

        let start =
            if stays then
                write " " page
            else
                newLine layout.TagBreak page

        if layout.WholeTags && (stays || not (isFluid name) && name <> "h") then
            start |> write head |> write value
        else
            start |> write head |> writeValue layout name value

    /// The text after the colon up to and with `b=`.
    let private render (layout: Layout) (fieldName: string) (tags: (string * string) list) : Page =
        let start =
            {
                Written = StringBuilder()
                Column = fieldName.Length + 1
            }

        let page, _ =
            tags
            |> List.fold
                (fun (page, first) (name, value) ->
                    let terminated = if name = "b" then value else value + ";"
                    writeTag layout first (name, terminated) page, false)
                (start, true)

        page

    let private tagValue (layout: Layout) (signature: Signature) (name: string) : string voption =
        let isDkim = signature.Scheme = Dkim

        match name with
        | "v" -> if isDkim then ValueSome "1" else ValueNone
        | "a" -> ValueSome signature.Algorithm
        | "c" -> ValueSome signature.CanonText
        | "d" -> ValueSome signature.Domain.Text
        | "s" -> ValueSome signature.Selector.Text
        | "h" ->
            signature.SignedFields
            |> ValueOption.map (fun names ->
                let text = String.Join(':', names |> List.map _.Text)

                if layout.LowerCaseNames then
                    text.ToLowerInvariant()
                else
                    text)
        | "i" ->
            signature.Identity
            |> ValueOption.map (fun identity ->
                QuotedPrintable.encode (Encoding.Latin1.GetString(Encoding.UTF8.GetBytes identity.LocalPart))
                + "@"
                + identity.Domain.Text)
        | "l" -> signature.BodyLength |> ValueOption.map (fun length -> string (int64 length))
        | "q" -> if isDkim then ValueNone else ValueSome "dns"
        | "t" -> signature.SignedAt |> ValueOption.map (fun time -> string (int64 time))
        | "x" -> signature.ExpiresAt |> ValueOption.map (fun time -> string (int64 time))
        | "z" -> signature.CopiedFields
        | "atps" -> signature.ThirdParty |> ValueOption.map _.Author.Text
        | "atpsh" ->
            signature.ThirdParty
            |> ValueOption.map (fun claim -> ThirdParty.namingName claim.Naming)
        | "r" -> if signature.ReportsWanted then ValueSome "y" else ValueNone
        | "bh" ->
            if isDkim then
                ValueSome(Convert.ToBase64String signature.BodyHash)
            else
                ValueNone
        | "b" -> ValueSome ""
        | _ -> ValueNone

    /// The field name of a scheme.
    let fieldName (scheme: Scheme) =
        match scheme with
        | Dkim -> "DKIM-Signature"
        | DomainKeys -> "DomainKey-Signature"

    let private tags (layout: Layout) (signature: Signature) : (string * string) list =
        layout.Order
        |> List.choose (fun name ->
            match tagValue layout signature name with
            | ValueSome value -> Some(name, value)
            | ValueNone -> None)

    /// The field with an empty b=: what a DKIM signer hashes last (RFC 6376 §3.7).
    let unsigned (layout: Layout) (signature: Signature) : Field =
        let name = fieldName signature.Scheme
        let page = render layout name (tags layout signature)
        Field.ofText name (page.Written.ToString())

    /// The whole field. Without the value of b= and the white space around it, it is `unsigned`.
    let signed (layout: Layout) (signature: Signature) : Field =
        let name = fieldName signature.Scheme
        let page = render layout name (tags layout signature)
        let complete = page |> fluid layout (Convert.ToBase64String signature.Value)
        Field.ofText name (complete.Written.Append(layout.Tail).ToString())
