/// JSON to print (RFC 8259). Whatever a text holds, what is printed is printable ASCII on one line.
namespace Dkim.Core

open System
open System.Text

[<RequireQualifiedAccess>]
type internal Json =
    | Null
    | Bool of bool
    | Number of int64
    | Text of string
    | List of Json list
    | Object of (string * Json) list

module internal Json =
    let private hexDigits = "0123456789abcdef"

    let private appendEscape (c: char) (to': StringBuilder) =
        let code = int c

        to'.Append("\\u").Append(hexDigits[code >>> 12]).Append(hexDigits[(code >>> 8) &&& 15])
        |> fun text -> text.Append(hexDigits[(code >>> 4) &&& 15]).Append(hexDigits[code &&& 15])
        |> ignore

    let private appendText (text: string) (to': StringBuilder) =
        to'.Append '"' |> ignore

        for c in text do
            match c with
            | '"' -> to'.Append "\\\"" |> ignore
            | '\\' -> to'.Append "\\\\" |> ignore
            | '\n' -> to'.Append "\\n" |> ignore
            | '\r' -> to'.Append "\\r" |> ignore
            | '\t' -> to'.Append "\\t" |> ignore
            | c when c >= ' ' && c < '\127' -> to'.Append c |> ignore
            | c -> appendEscape c to'

        to'.Append '"' |> ignore

    let rec private append (value: Json) (to': StringBuilder) : unit =
        let separated (items: 'a list) (one: 'a -> unit) =
            items
            |> List.iteri (fun index item ->
                if index > 0 then
                    to'.Append ", " |> ignore

                one item)

        match value with
        | Json.Null -> to'.Append "null" |> ignore
        | Json.Bool true -> to'.Append "true" |> ignore
        | Json.Bool false -> to'.Append "false" |> ignore
        | Json.Number number -> to'.Append number |> ignore
        | Json.Text text -> appendText text to'
        | Json.List items ->
            to'.Append '[' |> ignore
            separated items (fun item -> append item to')
            to'.Append ']' |> ignore
        | Json.Object members ->
            to'.Append '{' |> ignore

            separated members (fun (name, item) ->
                appendText name to'
                to'.Append ": " |> ignore
                append item to')

            to'.Append '}' |> ignore

    /// The value on one line.
    let render (value: Json) : string =
        let text = StringBuilder()
        append value text
        text.ToString()

    /// A value that may be absent.
    let optional (make: 'a -> Json) (value: 'a voption) : Json =
        match value with
        | ValueSome value -> make value
        | ValueNone -> Json.Null
