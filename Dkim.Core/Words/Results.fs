/// Results of many things at once.
module internal Dkim.Core.Words.Results

/// What a function makes of each item, in order, or its first error, after which it is not called any more.
let traverse (f: 'a -> Result<'b, 'e>) (items: 'a list) : Result<'b list, 'e> =
    let rec go made rest =
        match rest with
        | [] -> Ok(List.rev made)
        | item :: rest ->
            match f item with
            | Ok value -> go (value :: made) rest
            | Error error -> Error error

    go [] items
