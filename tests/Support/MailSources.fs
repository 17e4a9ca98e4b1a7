/// Files with mail that are all in memory, in pieces as a host gives them.
module Dkim.Tests.MailSources

open System
open System.IO
open System.IO.Compression
open Dkim.Core.Asking
open Dkim.Core.MailFiles
open Dkim.Core.Programs.Tool.Running

/// The next octets of a stream, so many at most.
let private piece (stream: Stream) (size: int) : FileContents =
    let buffer: byte[] = Array.zeroCreate size

    try
        let count = stream.ReadAtLeast(Span buffer, size, false)
        FileContents.Found(ReadOnlyMemory(buffer, 0, count))
    with :? InvalidDataException ->
        FileContents.Unreadable "damaged"

/// A file with these contents, in pieces of this size.
let ofContents (size: int) (contents: FileContents) : IMailSource =
    let mutable stream: Stream = new MemoryStream(contents.Octets.ToArray())

    { new IMailSource with
        member _.Next() =
            if contents.Problem.IsSome then
                contents
            else
                piece stream size

        member _.Unpack() =
            stream <- new GZipStream(new MemoryStream(contents.Octets.ToArray()), CompressionMode.Decompress)

        member _.Close() = stream.Dispose()
    }

/// A folder whose files are those of these paths that lie below it.
let folder (path: string) (paths: string list) : FolderListing voption =
    let below =
        paths
        |> List.filter _.StartsWith(path + "/", StringComparison.Ordinal)
        |> List.sortWith (fun one other -> String.CompareOrdinal(one, other))

    let folders =
        [
            for file in below do
                let parts = file.Split '/'

                for count in 1 .. parts.Length - 1 do
                    String.Join('/', Array.truncate count parts)
        ]

    if below.IsEmpty then
        ValueNone
    else
        ValueSome
            {
                Files = Array.ofList below
                Folders = folders |> List.distinct |> Array.ofList
                Problems = [||]
            }

/// Octets as gzip makes them.
let gzip (octets: byte[]) : byte[] =
    use packed = new MemoryStream()

    do
        use stream = new GZipStream(packed, CompressionLevel.Optimal)
        stream.Write(octets, 0, octets.Length)

    packed.ToArray()

/// What a reader has ready: messages, and why there is none.
let private takeAll (reader: MailReader) : Result<ReadOnlyMemory<byte>, FileFault> list =
    List.unfold
        (fun () ->
            match reader.TryTake() with
            | ValueSome next -> Some(next, ())
            | ValueNone -> None)
        ()

/// What a reader makes of a file that comes in these pieces.
let internal readAll
    (reader: MailReader)
    (pieces: ReadOnlyMemory<byte> seq)
    : Result<ReadOnlyMemory<byte>, FileFault> list =
    [
        for piece in pieces do
            reader.Feed piece.Span
            yield! takeAll reader

        reader.End()
        yield! takeAll reader
    ]

/// The message as Latin-1 text, or the fault behind an exclamation mark.
let internal textOf (read: Result<ReadOnlyMemory<byte>, FileFault>) : string =
    match read with
    | Ok octets -> Dkim.Core.Words.Octets.latin1 octets.Span
    | Error fault -> "! " + FileFault.describe fault

/// Octets in pieces of a size.
let pieces (size: int) (octets: byte[]) : ReadOnlyMemory<byte> seq =
    octets |> Array.chunkBySize size |> Seq.map (fun piece -> ReadOnlyMemory piece)
