/// From the settings of dkimproxy.out to what signing needs: maps, keys, and the checks that a start makes.
namespace Dkim.Core

open System

/// Everything that dkimproxy.out decides with. A key that could not be loaded is there with the reason.
type internal OutProgram =
    {
        Settings: OutSettings
        ListIds: SignatureMap voption
        Senders: SignatureMap voption
        Keys: Map<string, Result<SigningKey, string>>
    }

/// One signature with what the settings add to its specifier. Macros are not yet resolved.
module internal Effective =
    let private orElse (fallback: 'a voption) (value: 'a voption) =
        match value with
        | ValueSome _ -> value
        | ValueNone -> fallback

    let keyFile (settings: OutSettings) (specifier: Specifier) = orElse settings.KeyFile specifier.Key

    let selector (settings: OutSettings) (specifier: Specifier) =
        orElse settings.Selector specifier.Selector

    let identity (settings: OutSettings) (specifier: Specifier) =
        orElse settings.Identity specifier.Identity

    /// The canonicalization as c= is to say it.
    let canonText (settings: OutSettings) (specifier: Specifier) : string =
        let ofType, last =
            match specifier.Scheme with
            | Dkim -> settings.DkimMethod, "relaxed/relaxed"
            | DomainKeys -> settings.DomainKeysMethod, "nofws"

        specifier.Method
        |> orElse ofType
        |> orElse settings.Method
        |> ValueOption.defaultValue last

    // Verifiers have not known nowsp since the first drafts: what it was meant for, relaxed does.
    let private known (scheme: Scheme) (text: string) =
        if scheme = Dkim && text = "nowsp" then
            "relaxed/relaxed"
        else
            text

    /// The canonicalization, and c= as it is printed.
    let canon
        (settings: OutSettings)
        (specifier: Specifier)
        : Result<struct (HeaderCanon * BodyCanon * string), string> =
        let text = known specifier.Scheme (canonText settings specifier)

        let read =
            match specifier.Scheme with
            | Dkim -> Signature.readCanon text |> Result.toValueOption
            | DomainKeys -> Algorithms.domainKeysCanons.TryParse text

        match read with
        | ValueSome(struct (header, body)) -> Ok(struct (header, body, text))
        | ValueNone -> Error("invalid method " + text)

    /// a=: as said, else the best for the key. DomainKeys has only one.
    let algorithm (specifier: Specifier) (keyType: KeyType) : Result<struct (KeyType * Hash), string> =
        let usual =
            match specifier.Scheme with
            | Dkim -> struct (keyType, Sha256)
            | DomainKeys -> struct (Rsa, Sha1)

        let said =
            match specifier.Algorithm with
            | ValueNone -> ValueSome usual
            | ValueSome name -> Algorithms.signing.TryParse name

        match said with
        | ValueSome(struct (wanted, hash)) when wanted = keyType && (specifier.Scheme = Dkim || hash = Sha1) ->
            Ok(struct (wanted, hash))
        | _ ->
            let name = ValueOption.defaultValue "rsa-sha1" specifier.Algorithm
            Error("algorithm " + name + " does not fit the key or the type of signature")

    /// Why the signature would be too weak.
    let checkStrength (settings: OutSettings) (specifier: Specifier) (key: SigningKey) (hash: Hash) =
        SigningStrength.check settings.SignsSha1 settings.LeastRsaBits specifier.Scheme key hash

module internal OutSetup =
    let private wanted kind path = { Path = path; Kind = kind }

    /// A map that a setting names, if any, and what is wrong with it. The original's words where it is not there.
    let private loadMap name (path: string voption) find =
        match path with
        | ValueNone -> Loaded(ValueNone, [], [])
        | ValueSome path ->
            let file = wanted FileKind.Map path

            match find file |> ValueOption.map FileContents.text with
            | ValueNone -> Wanting [ file ]
            | ValueSome(Error reason) ->
                let remedy = reason + ": check the path and its permissions"

                let broken =
                    ProxySetup.broken name (ValueSome path) (path + ": file not found") remedy

                Loaded(ValueNone, [ broken ], [])
            | ValueSome(Ok text) ->
                let struct (map, problems) = SignatureMap.parse path text
                Loaded(ValueSome map, [], problems)

    /// Every signature that may have to be made: of the settings and of both maps.
    let private specifiers (program: OutProgram) : Specifier list =
        let ofMap map =
            match map with
            | ValueSome map -> SignatureMap.signatures map
            | ValueNone -> []

        OutSettings.signatures program.Settings
        @ ofMap program.ListIds
        @ ofMap program.Senders

    let private keyPaths (program: OutProgram) : string list =
        specifiers program
        |> List.map (Effective.keyFile program.Settings)
        |> List.collect (fun path -> if path.IsSome then [ path.Value ] else [])
        |> List.distinct

    /// The files that hold secrets, to be watched and read again when they change.
    let secretFiles (program: OutProgram) : WantedFile list =
        let passphrase =
            match program.Settings.PassphraseFile with
            | ValueSome path -> [ wanted FileKind.Passphrase path ]
            | ValueNone -> []

        passphrase @ (keyPaths program |> List.map (wanted FileKind.PrivateKey))

    let private keyOf (passphrase: string voption) (contents: FileContents) : Result<SigningKey, string> =
        match contents.Problem with
        | ValueSome reason -> Error reason
        | ValueNone ->
            SigningKey.parse passphrase (Octets.latin1 contents.Octets.Span)
            |> Result.mapError PrivateKeyError.describe

    let private passphraseOf (program: OutProgram) find : Result<string voption, string> =
        match program.Settings.PassphraseFile with
        | ValueNone -> Ok ValueNone
        | ValueSome path ->
            match find (wanted FileKind.Passphrase path) |> ValueOption.map FileContents.text with
            | ValueSome(Ok text) -> Ok(ValueSome((FileContents.lines text)[0]))
            | ValueSome(Error reason) -> Error("passphrase file " + path + ": " + reason)
            | ValueNone -> Error("passphrase file " + path + " not read")

    /// The keys from what has been read of their files. A file not read leaves its key as it was.
    let withKeys find (program: OutProgram) : OutProgram =
        let passphrase = passphraseOf program find

        let load (keys: Map<string, Result<SigningKey, string>>) path =
            match find (wanted FileKind.PrivateKey path), passphrase with
            | ValueNone, _ -> keys
            | ValueSome _, Error reason -> keys.Add(path, Error reason)
            | ValueSome contents, Ok passphrase -> keys.Add(path, keyOf passphrase contents)

        { program with
            Keys = keyPaths program |> List.fold load program.Keys
        }

    /// The program with its keys read again, and what is wrong with those that stay as they were.
    let refreshKeys find (program: OutProgram) : struct (OutProgram * string list) =
        let fresh = withKeys find program

        let keep (keys, problems) path =
            match fresh.Keys.TryFind path, program.Keys.TryFind path with
            | Some(Error reason), Some(Ok old) ->
                let problem =
                    "cannot read keyfile " + path + ": " + reason + "; the key before it stays"

                Map.add path (Ok old) keys, problem :: problems
            | _ -> keys, problems

        let keys, problems = keyPaths program |> List.fold keep (fresh.Keys, [])
        struct ({ fresh with Keys = keys }, List.rev problems)

    // The rules that a start checks for each signature of the settings, in the original's words.
    let private checks (program: OutProgram) (specifier: Specifier) : Problem list =
        let settings = program.Settings
        let name = "signature"
        let value = ValueSome(Specifier.show specifier)

        let broken rule remedy =
            [ ProxySetup.broken name value rule remedy ]

        let key =
            match Effective.keyFile settings specifier with
            | ValueNone -> broken "no keyfile specified" "give --keyfile=FILE"
            | ValueSome path ->
                match program.Keys.TryFind path with
                | Some(Ok key) ->
                    match Effective.algorithm specifier key.KeyType with
                    | Error reason -> broken reason "leave the algorithm out: it follows the key"
                    | Ok(struct (_, hash)) ->
                        match Effective.checkStrength settings specifier key hash with
                        | Ok() -> []
                        | Error reason -> broken reason "make a new key with dkim genkey and leave the algorithm out"
                | Some(Error reason) -> broken ("cannot read keyfile " + path) reason
                | None -> broken ("cannot read keyfile " + path) "not read"

        let domain =
            match specifier.Domain, OutSettings.domains settings with
            | ValueNone, [] -> broken "domain not specified" "give --domain=DOMAIN"
            | _ -> []

        let selector =
            match Effective.selector settings specifier with
            | ValueNone -> broken "selector not specified" "give --selector=SELECTOR"
            | ValueSome text ->
                match Selector.tryCreate text with
                | Ok _ -> []
                | Error error -> broken ("invalid selector " + text) (NameError.describe error)

        let canon =
            match Effective.canon settings specifier with
            | Ok _ -> []
            | Error rule -> broken rule "dkim: simple, relaxed or HEADER/BODY of these; domainkeys: simple or nofws"

        key @ domain @ selector @ canon

    /// Signatures that are made together need a selector for each type of key.
    let private selectorChecks (program: OutProgram) (specifiers: Specifier list) : Problem list =
        let settings = program.Settings

        let named (specifier: Specifier) =
            match Effective.keyFile settings specifier, Effective.selector settings specifier with
            | ValueSome path, ValueSome selector ->
                match program.Keys.TryFind path with
                | Some(Ok key) ->
                    let domain = ValueOption.defaultValue "the sender's domain" specifier.Domain
                    Some(selector + " of " + domain, key.KeyType)
                | _ -> None
            | _ -> None

        match specifiers |> List.choose named |> SigningStrength.trySharedName with
        | ValueNone -> []
        | ValueSome shared ->
            let rule = "selector " + shared + " is to have an RSA and an Ed25519 key"

            [
                ProxySetup.broken "signature" ValueNone rule "give each signature its own selector: s=SELECTOR"
            ]

    let private domainChecks (settings: OutSettings) : Problem list =
        OutSettings.domains settings
        |> List.choose (fun domain ->
            match DomainName.tryCreate domain with
            | Ok _ -> None
            | Error error ->
                let rule = "invalid domain " + domain
                Some(ProxySetup.broken "domain" (ValueSome domain) rule (NameError.describe error)))

    /// What may be wrong with one signature and yet lets the proxy start.
    let private doubts (program: OutProgram) (specifier: Specifier) : string list =
        let shown = Specifier.show specifier
        let sha1 = specifier.Scheme = Dkim && specifier.Algorithm = ValueSome "rsa-sha1"

        let nowsp =
            specifier.Scheme = Dkim
            && Effective.canonText program.Settings specifier = "nowsp"

        [
            if sha1 then
                shown
                + ": verifiers no longer accept rsa-sha1 (RFC 8301); leave the algorithm out"
            if nowsp then
                shown + ": nowsp is not a method of any standard; signing as relaxed/relaxed"
            match Effective.keyFile program.Settings specifier with
            | ValueSome path ->
                match program.Keys.TryFind path with
                | Some(Ok key) when key.KeyType = Rsa && key.Bits < SigningStrength.leastBits ->
                    shown
                    + ": the key of "
                    + string (int key.Bits)
                    + " bits is too short for most verifiers"
                | Some(Error reason) -> "cannot read keyfile " + path + ": " + reason
                | _ -> ()
            | ValueNone -> ()
        ]

    /// The warnings of a start, each once.
    let warnings (program: OutProgram) : string list =
        specifiers program |> List.collect (doubts program) |> List.distinct

    /// The program that settings make, the problems that keep it from starting, and those of single map lines.
    let prepare (settings: OutSettings) find : Loading<struct (OutProgram * Problem list * Problem list)> =
        match loadMap "listid_map" settings.ListIdMap find, loadMap "sender_map" settings.SenderMap find with
        | Wanting one, Wanting other -> Wanting(one @ other)
        | Wanting files, Loaded _
        | Loaded _, Wanting files -> Wanting files
        | Loaded(listIds, listProblems, listLines), Loaded(senders, senderProblems, senderLines) ->
            let bare =
                {
                    Settings = settings
                    ListIds = listIds
                    Senders = senders
                    Keys = Map.empty
                }

            let missing = secretFiles bare |> List.filter (fun file -> (find file).IsNone)

            if List.isEmpty missing then
                let program = withKeys find bare
                let signatures = OutSettings.signatures settings
                let ofSignatures = List.collect (checks program) signatures
                let ofSelectors = selectorChecks program signatures

                let problems =
                    listProblems
                    @ senderProblems
                    @ ofSignatures
                    @ ofSelectors
                    @ domainChecks settings

                Loaded(struct (program, problems, listLines @ senderLines))
            else
                Wanting missing
