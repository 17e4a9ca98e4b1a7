/// What must be true of the signatures that dkimproxy.out may have to make: those of its settings and those of maps.
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

module internal OutChecks =
    let private ofMap (map: SignatureMap voption) =
        match map with
        | ValueSome map -> SignatureMap.entries map
        | ValueNone -> []

    /// The maps with their paths.
    let private maps (program: OutProgram) =
        [
            program.Settings.ListIdMap, program.ListIds
            program.Settings.SenderMap, program.Senders
        ]

    /// Every signature that may have to be made: of the settings and of both maps.
    let specifiers (program: OutProgram) : Specifier list =
        let ofEntry (struct (_, entry: MapEntry)) =
            match entry.Signatures with
            | Ok signatures -> signatures
            | Error _ -> []

        OutSettings.signatures program.Settings
        @ (maps program |> List.collect (snd >> ofMap) |> List.collect ofEntry)

    /// A rule that a signature breaks, in the original's words, and the remedy.
    [<Struct>]
    type private Breach = { Rule: string; Remedy: string }

    let private breach rule remedy : Breach list = [ { Rule = rule; Remedy = remedy } ]

    /// What keeps the key of a signature from making it.
    let private keyBreach (program: OutProgram) (specifier: Specifier) : Breach list =
        let settings = program.Settings

        match Effective.keyFile settings specifier with
        | ValueNone -> breach "no keyfile specified" "give --keyfile=FILE"
        | ValueSome path ->
            match program.Keys.TryFind path with
            | Some(Ok key) ->
                match Effective.algorithm specifier key.KeyType with
                | Error reason -> breach reason "leave the algorithm out: it follows the key"
                | Ok(struct (_, hash)) ->
                    match Effective.checkStrength settings specifier key hash with
                    | Ok() -> []
                    | Error reason -> breach reason "make a new key with dkim genkey and leave the algorithm out"
            | Some(Error reason) -> breach ("cannot read keyfile " + path) reason
            | None -> breach ("cannot read keyfile " + path) "not read"

    /// Whether the key of a signature can make it.
    let canSign (program: OutProgram) (specifier: Specifier) =
        List.isEmpty (keyBreach program specifier)

    let private selectorBreach (settings: OutSettings) (specifier: Specifier) : Breach list =
        match Effective.selector settings specifier with
        | ValueNone -> breach "selector not specified" "give --selector=SELECTOR"
        | ValueSome text ->
            match Selector.tryCreate text with
            | Ok _ -> []
            | Error error -> breach ("invalid selector " + text) (NameError.describe error)

    let private canonBreach (settings: OutSettings) (specifier: Specifier) : Breach list =
        match Effective.canon settings specifier with
        | Ok _ -> []
        | Error rule -> breach rule "dkim: simple, relaxed or HEADER/BODY of these; domainkeys: simple or nofws"

    // A domain with macros is known with the message only.
    let private domainBreach (domain: string) : Breach list =
        match DomainName.tryCreate domain with
        | Ok _ -> []
        | Error _ when domain.Contains '$' -> []
        | Error error -> breach ("invalid domain " + domain) (NameError.describe error)

    let private ofSettings name value (breach: Breach) =
        ProxySetup.broken name value breach.Rule breach.Remedy

    // The rules that a start checks for each signature of the settings.
    let private checks (program: OutProgram) (specifier: Specifier) : Problem list =
        let settings = program.Settings

        let noDomain: Breach list =
            match specifier.Domain, OutSettings.domains settings with
            | ValueNone, [] -> breach "domain not specified" "give --domain=DOMAIN"
            | _ -> []

        keyBreach program specifier
        @ noDomain
        @ selectorBreach settings specifier
        @ canonBreach settings specifier
        |> List.map (ofSettings "signature" (ValueSome(Specifier.show specifier)))

    /// Signatures that are made together need a selector for each type of key.
    let private selectorBreaches (program: OutProgram) (specifiers: Specifier list) : Breach list =
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
            breach
                ("selector " + shared + " is to have an RSA and an Ed25519 key")
                "give each signature its own selector: s=SELECTOR"

    /// What is wrong with the signatures of the settings, without which no start is.
    let problems (program: OutProgram) : Problem list =
        let settings = program.Settings
        let signatures = OutSettings.signatures settings

        let ofDomain domain =
            domainBreach domain |> List.map (ofSettings "domain" (ValueSome domain))

        List.collect (checks program) signatures
        @ (selectorBreaches program signatures
           |> List.map (ofSettings "signature" ValueNone))
        @ List.collect ofDomain (OutSettings.domains settings)

    let private ofEntry (program: OutProgram) path (struct (key, entry: MapEntry)) : Problem list =
        let settings = program.Settings

        let problem value (breach: Breach) =
            {
                Origin = InFile(path, entry.Line)
                Name = key
                Value = value
                Fault = BrokenRule breach.Rule
                Remedy = breach.Remedy
            }

        let ofOne (specifier: Specifier) =
            let domain =
                match specifier.Domain with
                | ValueSome domain -> domainBreach domain
                | ValueNone -> []

            keyBreach program specifier
            @ selectorBreach settings specifier
            @ canonBreach settings specifier
            @ domain
            |> List.map (problem (ValueSome(Specifier.show specifier)))

        match entry.Signatures with
        | Error _ -> []
        | Ok signatures ->
            List.collect ofOne signatures
            @ List.map (problem ValueNone) (selectorBreaches program signatures)

    /// What is wrong with the signatures of lines of maps that can be read: such a line fails the messages that need it,
    /// and not the start.
    let mapProblems (program: OutProgram) : Problem list =
        maps program
        |> List.collect (fun (path, map) ->
            match path with
            | ValueSome path -> ofMap map |> List.collect (ofEntry program path)
            | ValueNone -> [])

    /// Under which selectors and for which domains a key signs: file, and selector and domain as far as they are said.
    let keyUses (program: OutProgram) : Set<struct (string * string)> =
        let settings = program.Settings
        let said value = ValueOption.defaultValue "" value
        let domains = String.Join(",", OutSettings.domains settings)

        specifiers program
        |> List.choose (fun specifier ->
            match Effective.keyFile settings specifier with
            | ValueNone -> None
            | ValueSome path ->
                let domain = ValueOption.defaultValue domains specifier.Domain
                Some(struct (path, said (Effective.selector settings specifier) + " " + domain)))
        |> Set.ofList

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
                | _ -> ()
            | ValueNone -> ()
        ]

    /// The warnings of a start, each once.
    let warnings (program: OutProgram) : string list =
        specifiers program |> List.collect (doubts program) |> List.distinct
