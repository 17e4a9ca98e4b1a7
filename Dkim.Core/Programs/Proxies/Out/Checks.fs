/// What must be true of the signatures that dkimproxy.out may have to make: those of its settings and those of maps.
namespace Dkim.Core.Programs.Proxies.Out

open Dkim.Core.Words
open Dkim.Core.Records
open Dkim.Core.Signatures
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Running
open Dkim.Core.Programs.Proxies.Shared

module internal OutChecks =
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

    /// What is wrong with signatures that are made together, where a selector would need both types of key.
    let tryShared (program: OutProgram) (specifiers: Specifier list) : string voption =
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

        specifiers
        |> List.choose named
        |> SigningStrength.trySharedName
        |> ValueOption.map (fun shared -> "selector " + shared + " is to have an RSA and an Ed25519 key")

    let private selectorBreaches (program: OutProgram) (specifiers: Specifier list) : Breach list =
        match tryShared program specifiers with
        | ValueNone -> []
        | ValueSome rule -> breach rule "give each signature its own selector: s=SELECTOR"

    /// What is wrong with the signatures of the settings, without which no start is.
    let problems (program: OutProgram) : Problem list =
        let settings = program.Settings
        let signatures = OutSettings.signatures settings

        let ofDomain domain =
            domainBreach domain |> List.map (ofSettings "domain" (ValueSome domain))

        // The process that asks stores could not be started again from another root.
        let ofRoot: Problem list =
            if settings.Proxy.Chroot.IsSome && not (OutProgram.stores program).IsEmpty then
                [
                    ProxySetup.broken
                        ProxySettings.ChrootRow
                        settings.Proxy.Chroot
                        "maps in stores cannot be asked from another root"
                        "leave chroot out, or write the map into a file"
                ]
            else
                []

        List.collect (checks program) signatures
        @ ofRoot
        @ (selectorBreaches program signatures
           |> List.map (ofSettings "signature" ValueNone))
        @ List.collect ofDomain (OutSettings.domains settings)

    // i= of a line of a map, where it and the domain are known before there is a message.
    let private identityBreach (settings: OutSettings) (ofLine: string voption) (specifier: Specifier) : Breach list =
        let isKnown (text: string) = not (text.Contains '$')

        match specifier.Scheme, Effective.identity settings specifier, ofLine with
        | Dkim, ValueSome identity, ValueSome ofLine when isKnown identity ->
            let domain = ValueOption.defaultValue ofLine specifier.Domain
            let ofIdentity = identity.Substring(identity.LastIndexOf '@' + 1)

            match DomainName.tryCreate domain, DomainName.tryCreate ofIdentity with
            | Error _, _ -> []
            | Ok domain, Ok name when name.IsWithin domain -> []
            | Ok domain, _ ->
                breach
                    ("identity " + identity + " is neither at nor below " + domain.Text)
                    "leave i= out, or give it a domain at or below d="
        | _ -> []

    /// What keeps a signature from being made for any message; `ofLine` is the domain of the line of a map, where it is one
    /// of a single domain.
    let private breaches (program: OutProgram) (ofLine: string voption) (specifier: Specifier) : Breach list =
        let settings = program.Settings

        let domain =
            match specifier.Domain with
            | ValueSome domain -> domainBreach domain
            | ValueNone -> []

        keyBreach program specifier
        @ selectorBreach settings specifier
        @ canonBreach settings specifier
        @ domain
        @ identityBreach settings ofLine specifier

    /// Whether a signature can be made for some message: a start tells of those that cannot.
    let isSound (program: OutProgram) (ofLine: string voption) (specifier: Specifier) : bool =
        List.isEmpty (breaches program ofLine specifier)

    let private ofEntry (program: OutProgram) (map: SignatureMap) (struct (key: string, entry: MapEntry)) : Flaw list =
        let settings = program.Settings
        let domain = SignatureMap.domainOf key

        let flaw (specifier: Specifier voption) (breach: Breach) : Flaw =
            {
                Broken =
                    {
                        Origin = SignatureMap.origin map entry
                        Name = key
                        Value = ValueOption.map Specifier.show specifier
                        Fault = BrokenRule breach.Rule
                        Remedy = breach.Remedy
                    }
                Facts =
                    match specifier with
                    | ValueNone -> []
                    | ValueSome specifier ->
                        OutProgram.namesOf settings domain specifier
                        |> List.collect (fun struct (domain, selector) -> LogFields.ofName domain selector)
            }

        let ofOne (specifier: Specifier) =
            breaches program domain specifier |> List.map (flaw (ValueSome specifier))

        match entry.Signatures with
        | Error _ -> []
        | Ok signatures ->
            List.collect ofOne signatures
            @ List.map (flaw ValueNone) (selectorBreaches program signatures)

    /// What is wrong with the signatures of lines of maps that can be read: the messages that need such a
    /// line wait, and the start does not fail.
    let mapFlaws (program: OutProgram) : Flaw list =
        let ofMap map =
            SignatureMap.entries map |> List.collect (ofEntry program map)

        let ofStores specifier : Flaw list =
            keyBreach program specifier
            |> List.map (fun breach ->
                {
                    Broken = ofSettings "keyfile" program.Settings.KeyFile breach
                    Facts = []
                })

        (OutProgram.maps program |> List.collect ofMap)
        @ (OutProgram.ofStores program |> List.collect ofStores)

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
        OutProgram.specifiers program |> List.collect (doubts program) |> List.distinct
