/// What a database is asked for the texts of a look-up, and what its rows say. A text is always a parameter.
namespace Dkim.Core.Stores

open System

/// A statement with a parameter for each text: `@k0`, `@k1`, and so on.
type SqlRequest =
    {
        Text: string
        Parameters: string list
    }

/// For a host, which has the connection.
module SqlStatement =
    let private names (count: int) =
        List.init count (fun index -> "@k" + string index)

    let private list (forms: string list) =
        "(" + String.Join(", ", names forms.Length) + ")"

    let private takesAll (text: string) =
        text.Contains("@keys", StringComparison.Ordinal)

    /// The statements that find these texts, in the order of the answers; for no text, that which finds every row.
    [<CompiledName "Requests">]
    let requests (query: SqlQuery) (forms: string list) : SqlRequest list =
        match query with
        | SqlQuery.Columns(table, key, data, filter) ->
            let conditions =
                [
                    if not forms.IsEmpty then
                        key + " IN " + list forms
                    if filter <> "" then
                        "(" + filter + ")"
                ]

            [
                {
                    Text =
                        "SELECT "
                        + String.Join(", ", key :: data)
                        + " FROM "
                        + table
                        + (if conditions.IsEmpty then
                               ""
                           else
                               " WHERE " + String.Join(" AND ", conditions))
                    Parameters = forms
                }
            ]
        | SqlQuery.Written text when takesAll text ->
            [
                {
                    Text = text.Replace("@keys", list forms)
                    Parameters = forms
                }
            ]
        | SqlQuery.Written text ->
            forms
            |> List.map (fun form ->
                {
                    Text = text.Replace("@key", "@k0")
                    Parameters = [ form ]
                })

    /// The rows that were found: for each request its rows, for each of them its columns as text, nothing as an empty one.
    /// Of several rows for a text the first counts. A row for a text that was not asked for, which a database finds that
    /// compares more loosely than case, does not count.
    [<CompiledName "Answer">]
    let answer (query: SqlQuery) (forms: string list) (results: string[][][]) : StoreAnswer =
        let keyed (row: string[]) : StoreRow voption =
            match row |> List.ofArray with
            | key :: fields ->
                let form =
                    if forms.IsEmpty then
                        Some key
                    else
                        forms
                        |> List.tryFind (fun form -> form.Equals(key, StringComparison.OrdinalIgnoreCase))

                form
                |> ValueOption.ofOption
                |> ValueOption.map (fun form -> { Form = form; Fields = fields })
            | [] -> ValueNone

        let rows =
            match query with
            | SqlQuery.Written text when not (takesAll text) ->
                (forms, results)
                ||> Seq.map2 (fun form rows ->
                    rows
                    |> Seq.truncate 1
                    |> Seq.map (fun row ->
                        {
                            Form = form
                            Fields = List.ofArray row
                        }))
                |> Seq.concat
            | SqlQuery.Written _
            | SqlQuery.Columns _ -> results |> Seq.collect (Seq.choose (keyed >> ValueOption.toOption))

        StoreAnswer.Rows(rows |> Seq.distinctBy _.Form |> List.ofSeq)
