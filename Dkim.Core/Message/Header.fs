/// Header fields as octets, and the choice among repeated ones that a signature makes (RFC 5322 §2.2, RFC 6376 §5.4.2).
namespace Dkim.Core.Message

open System
open System.Collections.Generic
open Dkim.Core.Words

/// One header field: its octets from the first of the name to the last before the CRLF that ends it, folds included.
/// `Colon` is where the colon stands; a line without one has it just past its end and therefore no name.
[<Struct; CustomEquality; NoComparison>]
type Field =
    {
        Raw: ReadOnlyMemory<byte>
        Colon: int<octet>
    }

    static member ofOctets(raw: ReadOnlyMemory<byte>) : Field =
        match raw.Span.IndexOf Octets.Colon with
        | -1 ->
            {
                Raw = raw
                Colon = raw.Length * 1<octet>
            }
        | colon -> { Raw = raw; Colon = colon * 1<octet> }

    /// A field from a name and the text that follows the colon.
    static member ofText (name: string) (afterColon: string) : Field =
        Field.ofOctets (ReadOnlyMemory(Octets.ofLatin1 (name + ":" + afterColon)))

    /// The name as written, without white space before the colon; empty where the line has no colon.
    member this.Name: string =
        if int this.Colon >= this.Raw.Length then
            ""
        else
            Octets.latin1 (this.Raw.Span.Slice(0, int this.Colon).TrimEnd(" \t"B))

    /// The octets after the colon.
    member this.Value: ReadOnlySpan<byte> =
        if int this.Colon >= this.Raw.Length then
            ReadOnlySpan.Empty
        else
            this.Raw.Span.Slice(int this.Colon + 1)

    /// The octets after the colon as Latin-1 text, so that an index into it plus `Colon` + 1 is an index into `Raw`.
    member this.ValueText: string = Octets.latin1 this.Value

    member this.Is(name: string) =
        this.Name.Equals(name, StringComparison.OrdinalIgnoreCase)

    override this.Equals(other: obj) =
        match other with
        | :? Field as field -> this.Raw.Span.SequenceEqual field.Raw.Span
        | _ -> false

    override this.GetHashCode() =
        let mutable hash = HashCode()
        hash.AddBytes this.Raw.Span
        hash.ToHashCode()

/// The fields of a message, topmost first.
type Header =
    private
        {
            fields: Field[]
        }

    /// The fields, topmost first.
    member this.Fields: IReadOnlyList<Field> = this.fields

    member this.Count = this.fields.Length

module Header =
    let empty = { fields = [||] }

    let ofFields (fields: Field seq) : Header = { fields = Array.ofSeq fields }

    /// The fields of a header block: every line that begins with white space continues the one above it. Line ends are
    /// CRLF; the last may be missing. Every text is read: a line that is no field becomes one without a name.
    let ofBlock (block: ReadOnlyMemory<byte>) : Header =
        let fields = List<Field>()
        let span = block.Span
        let mutable start = 0
        let mutable scan = 0

        while start < span.Length do
            let next = span.Slice(scan).IndexOf(ReadOnlySpan Octets.crlf)
            let lineEnd = if next < 0 then span.Length else scan + next
            let following = lineEnd + 2

            if following < span.Length && Octets.isWsp span[following] then
                scan <- following
            else
                fields.Add(Field.ofOctets (block.Slice(start, lineEnd - start)))
                start <- following
                scan <- following

        { fields = fields.ToArray() }

    /// The topmost field of a name.
    let tryFind (name: string) (header: Header) : Field voption =
        let index = header.fields |> Array.tryFindIndex (fun field -> field.Is name)

        match index with
        | Some index -> ValueSome header.fields[index]
        | None -> ValueNone

    /// All fields of a name, topmost first.
    let all (name: string) (header: Header) : Field list =
        header.fields |> Array.filter (fun field -> field.Is name) |> List.ofArray

    /// The header below the field at an index: what a DomainKeys signature there covers (RFC 4870 §3.4.2).
    let below (index: int) (header: Header) : Header =
        { fields = header.fields[index + 1 ..] }

    /// The header with one field more on top.
    let prepend (field: Field) (header: Header) : Header =
        {
            fields = Array.append [| field |] header.fields
        }

    // Positions of each name, the lowest field first: the order in which h= uses them up.
    let private positions (except: int voption) (header: Header) : Dictionary<string, Queue<int>> =
        let byName = Dictionary<string, Queue<int>> StringComparer.OrdinalIgnoreCase

        for index = header.fields.Length - 1 downto 0 do
            if ValueSome index <> except then
                let name = header.fields[index].Name

                match byName.TryGetValue name with
                | true, queue -> queue.Enqueue index
                | false, _ -> byName[name] <- Queue [ index ]

        byName

    /// The fields that h= stands for, in its order: the n-th mention of a name takes the n-th field of that name from
    /// the bottom, and a mention too many takes nothing. The field at `except`, the signature itself, is never taken
    /// (RFC 6376 §5.4.2, §3.5 h=).
    let select (names: FieldName list) (except: int voption) (header: Header) : Field list =
        let left = positions except header

        names
        |> List.choose (fun name ->
            match left.TryGetValue name.Text with
            | true, queue when queue.Count > 0 -> Some header.fields[queue.Dequeue()]
            | _ -> None)
