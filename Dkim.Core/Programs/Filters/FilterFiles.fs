/// The files that the settings of a milter name: lists of hosts and domains, practices, keys.
namespace Dkim.Core

open System

/// What the files said.
[<NoComparison; NoEquality>]
type internal FilterFiles =
    {
        Peers: PeerList
        Internal: PeerList
        ExternalIgnored: PeerList
        /// Nothing where Domain is not set.
        Domains: DomainList voption
        /// Nothing where every domain is trusted.
        Trusted: DomainList voption
        LocalAdsp: LocalAdsp
        Keys: FilterKeys
        Rules: SigningRule list
    }

/// A value from a file, what keeps the filter from starting, and what is only to be told.
[<NoComparison; NoEquality>]
type internal Reading<'a> =
    {
        Value: 'a
        Problems: string list
        /// Lines of lists that mean nothing; a check of the settings fails for them.
        BadLines: string list
        Notices: string list
    }

/// Keys with the rules that they make.
[<NoComparison; NoEquality>]
type internal RuledKeys =
    {
        Keys: FilterKeys
        Rules: SigningRule list
    }

/// The files to read.
type internal FilterPaths =
    {
        /// Where relative paths start; empty for the directory of the start.
        BaseDirectory: string
        PeerList: string voption
        InternalHosts: string voption
        ExternalIgnoreList: string voption
        Domain: string voption
        TrustSignaturesFrom: string voption
        LocalAdsp: string voption
        KeyFile: string voption
        KeyList: string voption
        /// What keys sign with; it tells the form of the key list, too.
        Scheme: Scheme
        Selector: string voption
        /// Shorter RSA keys are used, and warned of.
        LeastRsaBits: int<bit>
    }

module internal FilterFiles =
    let private plain value =
        {
            Value = value
            Problems = []
            BadLines = []
            Notices = []
        }

    let private failed value problem =
        { plain value with
            Problems = [ problem ]
        }

    let private wanted kind path = { Path = path; Kind = kind }

    let private located (paths: FilterPaths) (path: string) =
        if paths.BaseDirectory = "" || path.StartsWith '/' then
            path
        else
            paths.BaseDirectory.TrimEnd '/' + "/" + path

    /// The text of a file, or the reason why there is none.
    let private textOf find paths path : Loading<Result<string, string>> =
        match find (wanted FileKind.Map (located paths path)) with
        | ValueNone -> Wanting [ wanted FileKind.Map (located paths path) ]
        | ValueSome contents -> Loaded(FileContents.text contents)

    let private unreadable path reason = path + ": fopen(): " + reason

    let private unreadableList setting path reason =
        unreadable path reason
        + ": "
        + setting
        + " names a file of entries, one on each line"

    let private peers find paths setting (path: string voption) otherwise : Loading<Reading<PeerList>> =
        match path with
        | ValueNone -> Loaded(plain otherwise)
        | ValueSome path ->
            textOf find paths path
            |> Loading.map (fun text ->
                match text with
                | Error reason -> failed otherwise (unreadableList setting path reason)
                | Ok text ->
                    let struct (list, problems) = PeerList.parse path text

                    { plain list with
                        BadLines = problems |> List.map Problem.describe
                    })

    /// A list between commas, or of the lines of the file that a path names.
    let private domains find paths (setting: string voption) : Loading<Reading<DomainList voption>> =
        let inline' (text: string) =
            plain (ValueSome(DomainList.ofEntries (Pattern.items text)))

        let ofFile text =
            FileContents.entries text
            |> List.map snd
            |> DomainList.ofEntries
            |> ValueSome
            |> plain

        match setting with
        | ValueNone -> Loaded(plain ValueNone)
        | ValueSome text when not (text.StartsWith '/') -> Loaded(inline' text)
        | ValueSome path ->
            textOf find paths path
            |> Loading.map (fun text ->
                match text with
                | Ok text -> ofFile text
                | Error reason -> failed ValueNone (unreadable path reason))

    let private practices find paths (path: string voption) : Loading<Reading<LocalAdsp>> =
        match path with
        | ValueNone -> Loaded(plain LocalAdsp.empty)
        | ValueSome path ->
            textOf find paths path
            |> Loading.map (fun text ->
                match text |> Result.mapError (unreadable path) |> Result.bind LocalAdsp.parse with
                | Ok list -> plain list
                | Error problem -> failed LocalAdsp.empty problem)

    let private noKeys: RuledKeys = { Keys = NoKeys; Rules = [] }

    let private notLoaded path problems =
        { plain noKeys with
            Problems = problems @ [ "key load from " + path + " failed" ]
        }

    let private weak (paths: FilterPaths) (keys: FilterKey list) : string list =
        keys
        |> List.filter (fun key -> key.Key.KeyType = Rsa && key.Key.Bits < paths.LeastRsaBits)
        |> List.map (fun key ->
            "selector "
            + key.Selector.Text
            + ": the key of "
            + string (int key.Key.Bits)
            + " bits is too short for most verifiers (RFC 8301)")
        |> List.distinct

    // Keys of one pattern sign together.
    let private tryShared (keys: FilterKey list) : string voption =
        let named (key: FilterKey) =
            let domain =
                key.Domain
                |> ValueOption.map _.Text
                |> ValueOption.defaultValue "the sender's domain"

            key.Selector.Text + " of " + domain, key.Key.KeyType

        keys |> List.map named |> SigningStrength.trySharedName

    let private ofList (paths: FilterPaths) path lines (list: KeyList) : Reading<RuledKeys> =
        let groups = KeyList.groups list
        let keysFor (sender: string) = KeyList.find sender list

        match groups |> List.tryPick (tryShared >> Option.ofValueOption) with
        | Some shared -> failed noKeys (path + ": selector " + shared + " is to have an RSA and an Ed25519 key")
        | None ->
            let ruled =
                {
                    Keys = FilterKeys.KeyList keysFor
                    Rules = SigningRule.ofList lines list
                }

            { plain ruled with
                Notices = weak paths (List.concat groups)
            }

    let private keyList find (paths: FilterPaths) path : Loading<Reading<RuledKeys>> =
        let based (line: KeyLine) =
            { line with
                KeyPath = located paths line.KeyPath
            }

        let ofLines lines =
            let lines = List.map based lines

            KeyList.load paths.Scheme find lines
            |> Loading.map (fun loaded ->
                match loaded with
                | Ok list when KeyList.count list = 0 -> failed noKeys ("no keys loaded from " + path)
                | Ok list -> ofList paths path lines list
                | Error problems -> notLoaded path problems)

        textOf find paths path
        |> Loading.bind (fun text ->
            match text with
            | Error reason -> Loaded(notLoaded path [ unreadable path reason ])
            | Ok text ->
                match KeyList.parse paths.Scheme text with
                | Ok lines -> ofLines lines
                | Error problems ->
                    Loaded(notLoaded path (problems |> List.map (fun problem -> path + ": " + problem))))

    let private needsKey = "at least one selector and key required for signing mode"

    let private oneKey find (paths: FilterPaths) path (selector: string) : Loading<Reading<FilterKey voption>> =
        KeyList.loadKey paths.Scheme find (located paths path)
        |> Loading.map (fun key ->
            match key, Selector.tryCreate selector with
            | Error problem, _ ->
                { plain ValueNone with
                    Problems = (notLoaded path [ problem ]).Problems
                }
            | Ok _, Error error ->
                failed ValueNone ("selector \"" + selector + "\" cannot be used: " + NameError.describe error)
            | Ok key, Ok selector ->
                let key =
                    {
                        Domain = ValueNone
                        Selector = selector
                        Key = key
                    }

                { plain (ValueSome key) with
                    Notices = weak paths [ key ]
                })

    let private single (domains: DomainList voption) path (reading: Reading<FilterKey voption>) : Reading<RuledKeys> =
        let entries =
            domains |> ValueOption.map DomainList.entries |> ValueOption.defaultValue []

        let ruled =
            match reading.Value with
            | ValueNone -> noKeys
            | ValueSome key ->
                {
                    Keys = SingleKey key
                    Rules = SigningRule.ofSingle entries path key
                }

        {
            Value = ruled
            Problems = reading.Problems
            BadLines = reading.BadLines
            Notices = reading.Notices
        }

    let private keys find (paths: FilterPaths) (domains: DomainList voption) : Loading<Reading<RuledKeys>> =
        let read =
            match paths.KeyList, paths.KeyFile, paths.Selector with
            | ValueSome path, _, _ -> keyList find paths path
            | ValueNone, ValueSome path, ValueSome selector ->
                oneKey find paths path selector
                |> Loading.map (single domains (located paths path))
            | ValueNone, _, _ -> Loaded(failed noKeys needsKey)

        let doubted (reading: Reading<RuledKeys>) =
            let entries = domains |> ValueOption.map DomainList.entries
            let doubts = SigningRule.doubts reading.Value.Keys entries reading.Value.Rules

            { reading with
                Notices = reading.Notices @ doubts
            }

        Loading.map doubted read

    /// The files with one more part.
    let private fill (part: Loading<Reading<'v>>) (put: 'v -> FilterFiles -> FilterFiles) files =
        Loading.zip files part
        |> Loading.map (fun (struct (files, part)) ->
            {
                Value = put part.Value files.Value
                Problems = files.Problems @ part.Problems
                BadLines = files.BadLines @ part.BadLines
                Notices = files.Notices @ part.Notices
            })

    let private nothing: FilterFiles =
        {
            Peers = PeerList.empty
            Internal = PeerList.loopback
            ExternalIgnored = PeerList.empty
            Domains = ValueNone
            Trusted = ValueNone
            LocalAdsp = LocalAdsp.empty
            Keys = NoKeys
            Rules = []
        }

    /// Everything from the files, keys only where they are to sign.
    let load find (signs: bool) (paths: FilterPaths) : Loading<Reading<FilterFiles>> =
        let signingKeys =
            if signs then
                domains find paths paths.Domain
                |> Loading.bind (fun list -> keys find paths list.Value)
            else
                Loaded(plain noKeys)

        let hosts setting path otherwise = peers find paths setting path otherwise

        Loaded(plain nothing)
        |> fill (hosts "PeerList" paths.PeerList PeerList.empty) (fun v files -> { files with Peers = v })
        |> fill (hosts "InternalHosts" paths.InternalHosts PeerList.loopback) (fun v files ->
            { files with Internal = v })
        |> fill (hosts "ExternalIgnoreList" paths.ExternalIgnoreList PeerList.empty) (fun v files ->
            { files with ExternalIgnored = v })
        |> fill (domains find paths paths.Domain) (fun v files -> { files with Domains = v })
        |> fill (domains find paths paths.TrustSignaturesFrom) (fun v files -> { files with Trusted = v })
        |> fill (practices find paths paths.LocalAdsp) (fun v files -> { files with LocalAdsp = v })
        |> fill signingKeys (fun v files ->
            { files with
                Keys = v.Keys
                Rules = v.Rules
            })
