/// The engine of every program's settings: a program describes each setting once, as a row of a table, and the rows
/// make its command line, its configuration file, its environment, its help and its manual page.
namespace Dkim.Core.Programs.Settings

/// Where a setting can be written, and under which name.
[<RequireQualifiedAccess>]
type Spelling =
    /// An option of a word, without its hyphens.
    | Word of string
    /// An option of one letter.
    | Letter of char
    /// A key of the configuration file.
    | Key of string
    /// A variable of the environment.
    | Variable of string

/// How often a setting may be given, and whether a value must follow its name.
[<RequireQualifiedAccess>]
type Arity =
    | Flag
    | Once
    | Repeated

/// How a setting goes with others that write what it writes.
[<RequireQualifiedAccess>]
type Overlap =
    | Alone
    /// One part of what a blanket writes as a whole.
    | Part
    /// Every part at once: it counts before them, wherever it stands in a file.
    | Blanket
    /// Every part at once: on a command line it keeps parts and blankets of the file from counting.
    | Whole

/// One setting of a program. `Read` of each of `Show s`, begun at `Clear`, restores the setting's part of `s`.
type Setting<'s> =
    {
        Name: string
        Spellings: Spelling list
        Arity: Arity
        /// What a value looks like.
        Shape: string
        Read: string -> 's -> Result<'s, string>
        /// As many values as it has: none when it is not set.
        Show: 's -> string list
        /// Forgets every value.
        Clear: 's -> 's
        /// `Keep running fresh` is `fresh` with this setting as `running` has it.
        Keep: 's -> 's -> 's
        /// A reload cannot change it.
        FixedForLife: bool
        /// What a start warns of, where the value is weak.
        Weakness: 's -> string voption
        Overlap: Overlap
        /// Names by which a problem that comes of several settings may call it.
        Aliases: string list
        /// Names of problems that come of a wrong value of it, and are not told beside it.
        Brings: string list
        /// A refusal of a value is a whole sentence of the original's.
        SpeaksAlone: bool
        /// A wrong value on the command line counts as a wrong use of the program, not as a wrong setting.
        IsUsage: bool
        /// A line that follows the reason of a refusal on the command line; empty for none.
        Complaint: string
        /// Taken for the sake of old configurations: it changes nothing.
        Inert: bool
        /// What may have been meant by a value that is refused, where that can be guessed.
        Mend: string -> string voption
        /// A value as it may be told: without what is secret in it.
        Conceal: string -> string
        /// The heading under which help and manual list it.
        Group: string
        Summary: string
        /// Further sentences for the manual page.
        Detail: string
        /// The document that defines it.
        Source: string
    }

module Setting =
    let private row name arity shape read show clear keep =
        {
            Name = name
            Spellings = [ Spelling.Word name; Spelling.Key name ]
            Arity = arity
            Shape = shape
            Read = read
            Show = show
            Clear = clear
            Keep = keep
            FixedForLife = false
            Weakness = fun _ -> ValueNone
            Overlap = Overlap.Alone
            Aliases = []
            Brings = []
            SpeaksAlone = false
            IsUsage = false
            Complaint = ""
            Inert = false
            Mend = fun _ -> ValueNone
            Conceal = id
            Group = ""
            Summary = ""
            Detail = ""
            Source = ""
        }

    let private keep (get: 's -> 'v) (put: 'v -> 's -> 's) (running: 's) (fresh: 's) = put (get running) fresh

    /// A setting that always has a value.
    let make name (codec: Codec<'v>) (get: 's -> 'v) (put: 'v -> 's -> 's) =
        let read text state =
            codec.Parse text |> Result.map (fun value -> put value state)

        row name Arity.Once codec.Shape read (get >> codec.Show >> List.singleton) id (keep get put)

    /// A setting that is on or off; its name alone turns it on.
    let flag name (get: 's -> bool) (put: bool -> 's -> 's) =
        { make name Codec.flag get put with
            Arity = Arity.Flag
        }

    /// A setting that may be absent.
    let optional name (codec: Codec<'v>) (get: 's -> 'v voption) (put: 'v voption -> 's -> 's) =
        let read text state =
            codec.Parse text |> Result.map (fun value -> put (ValueSome value) state)

        let show state =
            match get state with
            | ValueSome value -> [ codec.Show value ]
            | ValueNone -> []

        row name Arity.Once codec.Shape read show (put ValueNone) (keep get put)

    /// A setting that may be given again and again; the values stand in the order in which they were given.
    let repeated name (codec: Codec<'v>) (get: 's -> 'v list) (put: 'v list -> 's -> 's) =
        let read text state =
            codec.Parse text |> Result.map (fun value -> put (get state @ [ value ]) state)

        row name Arity.Repeated codec.Shape read (get >> List.map codec.Show) (put []) (keep get put)

    /// A name that is taken, with its value, and changes nothing: `why` says so in the manual.
    let inert name arity shape why =
        { row name arity shape (fun _ state -> Ok state) (fun _ -> []) id (fun _ fresh -> fresh) with
            Inert = true
            Summary = "accepted without effect"
            Detail = why
        }

    /// Further names, on the command line and in the file.
    let also names setting =
        let more =
            names |> List.collect (fun name -> [ Spelling.Word name; Spelling.Key name ])

        { setting with
            Spellings = setting.Spellings @ more
        }

    /// Exactly these spellings.
    let spelled spellings setting = { setting with Spellings = spellings }

    /// What the setting is for, in a few words.
    let says text setting = { setting with Summary = text }

    /// Further sentences for the manual page.
    let detail text setting = { setting with Detail = text }

    /// How a value that is refused may have been meant.
    let mends guess setting = { setting with Mend = guess }

    /// How a value is told that has something secret in it.
    let conceals tell setting = { setting with Conceal = tell }

    /// A reload cannot change it.
    let fixedForLife setting = { setting with FixedForLife = true }

    /// Values that a start warns of, and why.
    let weakWhen (isWeak: 's -> bool) (why: string) (setting: Setting<'s>) =
        { setting with
            Weakness = fun state -> if isWeak state then ValueSome why else ValueNone
        }

    /// How it goes with others that write the same.
    let overlaps overlap setting = { setting with Overlap = overlap }

    /// A further name in problems that come of several settings.
    let alias name setting =
        { setting with
            Aliases = setting.Aliases @ [ name ]
        }

    /// A problem of this name comes of a wrong value, and is not told beside it.
    let brings problem setting =
        { setting with
            Brings = setting.Brings @ [ problem ]
        }

    /// A refusal of a value is a whole sentence of the original's.
    let speaksAlone setting = { setting with SpeaksAlone = true }

    /// A wrong value on the command line is a wrong use of the program.
    let usage setting = { setting with IsUsage = true }

    /// The line that follows the reason of a refusal on the command line.
    let complains text setting = { setting with Complaint = text }

    /// Rows that share a heading and the document that defines them.
    let group heading source settings =
        settings
        |> List.map (fun setting ->
            { setting with
                Group = heading
                Source = source
            })

    /// A row of a part, as a row of the whole.
    let within (get: 'whole -> 'part) (put: 'part -> 'whole -> 'whole) (setting: Setting<'part>) : Setting<'whole> =
        {
            Name = setting.Name
            Spellings = setting.Spellings
            Arity = setting.Arity
            Shape = setting.Shape
            Read = fun text whole -> setting.Read text (get whole) |> Result.map (fun part -> put part whole)
            Show = get >> setting.Show
            Clear = fun whole -> put (setting.Clear(get whole)) whole
            Keep = fun running fresh -> put (setting.Keep (get running) (get fresh)) fresh
            FixedForLife = setting.FixedForLife
            Weakness = get >> setting.Weakness
            Overlap = setting.Overlap
            Aliases = setting.Aliases
            Brings = setting.Brings
            SpeaksAlone = setting.SpeaksAlone
            IsUsage = setting.IsUsage
            Complaint = setting.Complaint
            Inert = setting.Inert
            Mend = setting.Mend
            Conceal = setting.Conceal
            Group = setting.Group
            Summary = setting.Summary
            Detail = setting.Detail
            Source = setting.Source
        }
