/// What a directory is asked for the texts of a look-up, and what its entries say.
namespace Dkim.Core.Stores

open System
open System.Collections.Generic
open System.Text
open Dkim.Core.Words

/// A search for one text or for several.
type LdapRequest =
    {
        Base: string
        Filter: string
        /// Those whose values are wanted.
        Attributes: string list
        /// The texts that it finds; with one alone every entry is for it.
        Forms: string list
        /// The attribute that has the text of an entry; empty with one text alone.
        Key: string
    }

/// For a host, which has the connection.
module LdapSearch =
    let private hex (octet: byte) = Convert.ToHexStringLower([| octet |])

    let private escaped (mark: string) (special: string) (text: string) : string =
        Encoding.UTF8.GetBytes text
        |> Array.map (fun octet ->
            if octet < 0x20uy || octet >= 0x7fuy || special.Contains(char octet) then
                mark + hex octet
            else
                string (char octet))
        |> String.Concat

    /// A value in a filter (RFC 4515 §3).
    let private inFilter (text: string) = escaped "\\" "*()\\" text

    /// A value in a name (RFC 4514 §2.4).
    let private inName (text: string) = escaped "\\" " \"#+,;<=>\\" text

    let private components (escape: string -> string) (domain: string) =
        domain.Split '.'
        |> Array.map (fun label -> "dc=" + escape label)
        |> String.concat ","

    let private filled escape (pattern: string) (text: string) =
        pattern.Replace("$D", components escape text).Replace("$d", escape text)

    // `(NAME=$d)`, where that is all that the search has of the text: then one search finds several.
    let private tryKey (source: LdapSource) : struct (string * string) voption =
        let item = "=$d)"
        let at = source.Filter.IndexOf(item, StringComparison.Ordinal)
        let start = if at < 0 then -1 else source.Filter.LastIndexOf('(', at)
        let count (text: string) = (text.Split '$').Length - 1

        if start < 0 || count source.Filter <> 1 || count source.Base <> 0 then
            ValueNone
        else
            let key = source.Filter.Substring(start + 1, at - start - 1)

            if
                key <> ""
                && key |> String.forall (fun c -> Char.IsAsciiLetterOrDigit c || c = '-')
            then
                ValueSome(struct (key, "(" + key + item))
            else
                ValueNone

    /// The searches that find these texts.
    [<CompiledName "Requests">]
    let requests (source: LdapSource) (forms: string list) : LdapRequest list =
        match tryKey source, forms with
        | ValueSome(struct (key, item)), _ :: _ :: _ ->
            let any =
                forms
                |> List.map (fun form -> "(" + key + "=" + inFilter form + ")")
                |> String.concat ""

            [
                {
                    Base = source.Base
                    Filter = source.Filter.Replace(item, "(|" + any + ")")
                    Attributes = List.distinct (key :: source.Attributes)
                    Forms = forms
                    Key = key
                }
            ]
        | _ ->
            forms
            |> List.map (fun form ->
                {
                    Base = filled inName source.Base form
                    Filter = filled inFilter source.Filter form
                    Attributes = source.Attributes
                    Forms = [ form ]
                    Key = ""
                })

    let private values (entry: IReadOnlyDictionary<string, string[]>) (name: string) : string[] =
        entry
        |> Seq.tryFind (fun pair -> pair.Key.Equals(name, StringComparison.OrdinalIgnoreCase))
        |> Option.map _.Value
        |> Option.defaultValue [||]

    let private ofEntry (source: LdapSource) (request: LdapRequest) entry : StoreRow list =
        let fields =
            source.Attributes
            |> List.map (fun name -> values entry name |> Array.tryHead |> Option.defaultValue "")

        let isNamed (form: string) =
            values entry request.Key
            |> Array.exists (fun value -> value.Equals(form, StringComparison.OrdinalIgnoreCase))

        request.Forms
        |> List.filter (fun form -> request.Key = "" || isNamed form)
        |> List.map (fun form -> { Form = form; Fields = fields })

    /// The rows of the entries that each search has found, an entry as the values of its attributes. Of several entries for
    /// a text the first counts.
    [<CompiledName "Answer">]
    let answer
        (source: LdapSource)
        (results: (struct (LdapRequest * IReadOnlyDictionary<string, string[]>[]))[])
        : StoreAnswer =
        results
        |> Seq.collect (fun (struct (request, entries)) -> entries |> Seq.collect (ofEntry source request))
        |> Seq.distinctBy _.Form
        |> List.ofSeq
        |> StoreAnswer.Rows
