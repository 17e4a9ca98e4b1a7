/// JSON to print (RFC 8259). Whatever a text holds, what is printed is printable ASCII on one line.
namespace Dkim.Core.Programs.Tool.Running

open System.Buffers
open System.Text
open System.Text.Encodings.Web
open System.Text.Json

[<RequireQualifiedAccess>]
type internal Json =
    | Null
    | Bool of bool
    | Number of int64
    | Text of string
    | List of Json list
    | Object of (string * Json) list

module internal Json =
    // A line for each member, since a blank behind commas and colons comes only with that.
    let private options =
        JsonWriterOptions(
            Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
            Indented = true,
            IndentSize = 0,
            NewLine = "\n"
        )

    let rec private write (writer: Utf8JsonWriter) (value: Json) : unit =
        match value with
        | Json.Null -> writer.WriteNullValue()
        | Json.Bool value -> writer.WriteBooleanValue value
        | Json.Number number -> writer.WriteNumberValue number
        | Json.Text text -> writer.WriteStringValue text
        | Json.List items ->
            writer.WriteStartArray()
            List.iter (write writer) items
            writer.WriteEndArray()
        | Json.Object members ->
            writer.WriteStartObject()

            for name, value in members do
                writer.WritePropertyName name
                write writer value

            writer.WriteEndObject()

    // The writer escapes line ends and leaves characters that are not ASCII: what is left of the former are its own.
    let private onOneLine (written: string) : string =
        let line = StringBuilder written.Length
        let mutable last = ' '

        for c in written do
            match c with
            | '\n' when last = ',' -> line.Append ' '
            | '\n' -> line
            | c when c > '~' -> line.Append("\\u").Append((int c).ToString "X4")
            | c -> line.Append c
            |> ignore

            last <- c

        line.ToString()

    /// The value on one line.
    let render (value: Json) : string =
        let buffer = ArrayBufferWriter<byte>()
        use writer = new Utf8JsonWriter(buffer, options)
        write writer value
        writer.Flush()
        onOneLine (Encoding.UTF8.GetString buffer.WrittenSpan)

    /// The version of the shapes in docs/json: it grows where a member goes or means something else.
    [<Literal>]
    let private Version = 1L

    /// What a command prints: an object that says which version of its shape it has.
    let ofCommand (members: (string * Json) list) : Json =
        Json.Object(("version", Json.Number Version) :: members)

    /// A value that may be absent.
    let optional (make: 'a -> Json) (value: 'a voption) : Json =
        match value with
        | ValueSome value -> make value
        | ValueNone -> Json.Null
