/// How rows of the milters are spelled: letters of the command line, keys of the file.
module internal Dkim.Core.Programs.Filters.Values.Rows

open Dkim.Core.Programs.Settings

let path = Codec.text "FILE"

/// An option of one letter that is a key of the file, too.
let both letter (setting: Setting<'s>) : Setting<'s> =
    setting |> Setting.spelled [ Spelling.Letter letter; Spelling.Key setting.Name ]

/// A key of the file alone.
let key (setting: Setting<'s>) : Setting<'s> =
    setting |> Setting.spelled [ Spelling.Key setting.Name ]

/// An option of one letter alone.
let letter (letter: char) (setting: Setting<'s>) : Setting<'s> =
    setting |> Setting.spelled [ Spelling.Letter letter ]

/// Yes or no in the file; the letter, where there is one, means yes.
let switch name get put : Setting<'s> =
    { Setting.make name Codecs.switch get put with
        Arity = Arity.Flag
    }

/// The document that defines the rows of dkim-filter.
[<Literal>]
let Source = "dkim-filter(8), dkim-filter.conf(5)"

/// Rows of a part, as rows of the whole.
let part (get: 'whole -> 'part) (put: 'part -> 'whole -> 'whole) (rows: Setting<'part> list) : Setting<'whole> list =
    rows |> List.map (Setting.within get put)
