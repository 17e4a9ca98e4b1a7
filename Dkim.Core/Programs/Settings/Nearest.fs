/// Which known name a misspelt one stands for.
module internal Dkim.Core.Programs.Settings.Nearest

/// How many characters must be put in, taken out, replaced or exchanged with their neighbour to make one name of another
/// (optimal string alignment), without regard to case, `-` and `_` being the same.
let private distance (one: string) (other: string) : int =
    let a = one.ToLowerInvariant().Replace('_', '-')
    let b = other.ToLowerInvariant().Replace('_', '-')
    let cells = Array2D.init (a.Length + 1) (b.Length + 1) (fun i j -> max i j)

    for i in 1 .. a.Length do
        for j in 1 .. b.Length do
            let replaced = if a[i - 1] = b[j - 1] then 0 else 1
            let kept = cells[i - 1, j - 1] + replaced
            let best = min kept (1 + min cells[i - 1, j] cells[i, j - 1])
            let isExchange = i > 1 && j > 1 && a[i - 1] = b[j - 2] && a[i - 2] = b[j - 1]

            cells[i, j] <-
                if isExchange then
                    min best (cells[i - 2, j - 2] + 1)
                else
                    best

    cells[a.Length, b.Length]

/// Longer names are like none that is known.
[<Literal>]
let private NameLimit = 64

/// The name among those known that is most like one that is not, where one is.
let tryFind (known: string list) (name: string) : string voption =
    let isNear (_, far) = far <= max 1 (name.Length / 3)

    if name.Length < 2 || name.Length > NameLimit then
        ValueNone
    else
        known
        |> List.map (fun other -> other, distance name other)
        |> List.filter isNear
        |> List.sortBy snd
        |> List.tryHead
        |> Option.map fst
        |> Option.toValueOption
