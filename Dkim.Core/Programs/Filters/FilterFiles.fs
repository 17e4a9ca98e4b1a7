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
        /// Named by the settings of dkim-filter.conf(5), without places.
        Problems: Problem list
        /// Lines of lists that mean nothing; a check of the settings fails for them.
        BadLines: Problem list
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
        /// The user who reads the files.
        Reader: string
    }

module internal FilterFiles =
    let private plain value =
        {
            Value = value
            Problems = []
            BadLines = []
            Notices = []
        }

    /// What keeps the filter from starting, and what to do.
    let private broken setting remedy reason : Problem =
        {
            Origin = Overall
            Name = setting
            Value = ValueNone
            Fault = BrokenRule reason
            Remedy = remedy
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

    /// What to do about a file that cannot be read.
    let private readable (paths: FilterPaths) (path: string) (reason: string) =
        match reason with
        | FileContents.Forbidden ->
            "let user "
            + paths.Reader
            + " read it and enter its directories, as in: chown root:"
            + paths.Reader
            + " "
            + path
            + "; chmod 0640 "
            + path
        | FileContents.NotFound -> "check the path"
        | FileContents.NotPlain -> "name a file, no directory, pipe or device"
        | _ -> ""

    let private unreadable paths setting path reason =
        broken setting (readable paths path reason) (path + ": fopen(): " + reason)

    let private unreadableList paths setting path reason =
        let remedy =
            if PeerList.isEntry path then
                "it names a file of entries, one on each line: write "
                + path
                + " into a file and its path here"
            else
                "it names a file of entries, one on each line"

        { unreadable paths setting path reason with
            Remedy =
                if reason = FileContents.NotFound then
                    remedy
                else
                    readable paths path reason
        }

    let private peers find paths setting (path: string voption) otherwise : Loading<Reading<PeerList>> =
        match path with
        | ValueNone -> Loaded(plain otherwise)
        | ValueSome path ->
            textOf find paths path
            |> Loading.map (fun text ->
                match text with
                | Error reason -> failed otherwise (unreadableList paths setting path reason)
                | Ok text ->
                    let struct (list, problems) = PeerList.parse path text

                    { plain list with BadLines = problems })

    /// A list between commas, or of the lines of the file that a path names.
    let private domains find paths name (setting: string voption) : Loading<Reading<DomainList voption>> =
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
                | Error reason -> failed ValueNone (unreadable paths name path reason))

    let private practices find paths (path: string voption) : Loading<Reading<LocalAdsp>> =
        match path with
        | ValueNone -> Loaded(plain LocalAdsp.empty)
        | ValueSome path ->
            textOf find paths path
            |> Loading.map (fun text ->
                let setting = "LocalADSP"

                let list =
                    text
                    |> Result.mapError (unreadable paths setting path)
                    |> Result.bind (
                        LocalAdsp.parse
                        >> Result.mapError (broken setting "write DOMAIN:unknown|all|discardable")
                    )

                match list with
                | Ok list -> plain list
                | Error problem -> failed LocalAdsp.empty problem)

    let private noKeys: RuledKeys = { Keys = NoKeys; Rules = [] }

    let private notLoaded path (problems: Problem list) =
        let load reason =
            "key load from " + path + " failed: " + reason

        let told (problem: Problem) =
            match problem.Fault with
            | BrokenRule reason ->
                { problem with
                    Fault = BrokenRule(load reason)
                }
            | _ -> problem

        { plain noKeys with
            Problems = List.map told problems
        }

    let private unusableKey (paths: FilterPaths) setting (fault: KeyFault) =
        let remedy =
            match fault.Reason with
            | NotRead reason -> readable paths fault.Path reason
            | NotUsable PassphraseNeeded ->
                "make a copy without a passphrase: openssl pkey -in "
                + fault.Path
                + " -out NEWFILE"
            | NotUsable _
            | NotForDomainKeys -> "make one: dkim genkey"

        broken setting remedy (KeyFault.describe fault)

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
        | Some shared ->
            path + ": selector " + shared + " is to have an RSA and an Ed25519 key"
            |> broken "KeyList" "give each key a selector of its own"
            |> failed noKeys
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
                | Ok list when KeyList.count list = 0 ->
                    "no keys loaded from " + path
                    |> broken "KeyList" "write lines of PATTERN:DOMAIN:KEY into it"
                    |> failed noKeys
                | Ok list -> ofList paths path lines list
                | Error faults -> notLoaded path (faults |> List.map (unusableKey paths "KeyList")))

        textOf find paths path
        |> Loading.bind (fun text ->
            match text with
            | Error reason -> Loaded(notLoaded path [ unreadable paths "KeyList" path reason ])
            | Ok text ->
                match KeyList.parse paths.Scheme text with
                | Ok lines -> ofLines lines
                | Error problems ->
                    let malformed reason =
                        broken "KeyList" "a line is PATTERN:DOMAIN:KEY" (path + ": " + reason)

                    Loaded(notLoaded path (List.map malformed problems)))

    /// What the problem is named by that nothing to sign with is set.
    [<Literal>]
    let NeedsKey = "signing"

    let private oneKey find (paths: FilterPaths) path (selector: string) : Loading<Reading<FilterKey voption>> =
        KeyList.loadKey paths.Scheme find (located paths path)
        |> Loading.map (fun key ->
            match key, Selector.tryCreate selector with
            | Error fault, _ ->
                { plain ValueNone with
                    Problems = (notLoaded path [ unusableKey paths "KeyFile" fault ]).Problems
                }
            | Ok _, Error error ->
                "selector \"" + selector + "\" cannot be used: " + NameError.describe error
                |> broken "Selector" "write a name such as mail or 2026a"
                |> failed ValueNone
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
            | ValueNone, _, _ ->
                let remedy = "write KeyFile and Selector, or KeyList, or Mode v to verify alone"
                Loaded(failed noKeys (broken NeedsKey remedy "at least one selector and key required for signing mode"))

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
                domains find paths "Domain" paths.Domain
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
        |> fill (domains find paths "Domain" paths.Domain) (fun v files -> { files with Domains = v })
        |> fill (domains find paths "TrustSignaturesFrom" paths.TrustSignaturesFrom) (fun v files ->
            { files with Trusted = v })
        |> fill (practices find paths paths.LocalAdsp) (fun v files -> { files with LocalAdsp = v })
        |> fill signingKeys (fun v files ->
            { files with
                Keys = v.Keys
                Rules = v.Rules
            })
