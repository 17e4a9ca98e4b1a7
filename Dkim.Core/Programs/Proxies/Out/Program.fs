/// What dkimproxy.out decides with: settings, maps, keys, and the signatures that they may call for.
namespace Dkim.Core.Programs.Proxies.Out

open Dkim.Core.Records
open Dkim.Core.Cryptography
open Dkim.Core.Stores
open Dkim.Core.Tables
open Dkim.Core.Signatures
open Dkim.Core.Programs.Running

/// Everything that dkimproxy.out decides with. A key that could not be loaded is there with the reason.
[<NoComparison; NoEquality>]
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

/// A key file, and under which name it signs; what is known with the message only is empty.
type internal KeyUse =
    {
        Path: string
        Selector: string
        Domain: string
    }

module internal KeyUse =
    /// Domain and selector of every use of a key file, for the log.
    let facts (uses: KeyUse list) (path: string) : LogFact list =
        uses
        |> List.filter (fun one -> one.Path = path)
        |> List.truncate LogFields.MostKeys
        |> List.collect (fun one -> LogFields.ofName one.Domain one.Selector)
        |> List.distinct

module internal OutProgram =
    /// The maps that there are.
    let maps (program: OutProgram) : SignatureMap list =
        [ program.ListIds; program.Senders ]
        |> List.choose (fun map -> ValueOption.toOption map)

    /// The stores that maps are in, each once, with the settings that name it.
    let stores (program: OutProgram) : (string * Store) list =
        [
            OutSettings.ListIdMapRow, ValueOption.bind SignatureMap.table program.ListIds
            OutSettings.SenderMapRow, ValueOption.bind SignatureMap.table program.Senders
        ]
        |> Table.stores

    /// The signature of a row of a store that says nothing but its type, where the settings have a key for it.
    let ofStores (program: OutProgram) : Specifier list =
        if
            program.Settings.KeyFile.IsSome
            && maps program |> List.exists SignatureMap.isStored
        then
            [ Specifier.plain Dkim ]
        else
            []

    /// Domains and selector of a signature, as far as they are said.
    let namesOf (settings: OutSettings) (domain: string voption) (specifier: Specifier) =
        let domains =
            match specifier.Domain, domain with
            | ValueSome domain, _
            | ValueNone, ValueSome domain -> [ domain ]
            | ValueNone, ValueNone -> OutSettings.domains settings

        let selector = Effective.selector settings specifier |> ValueOption.defaultValue ""

        (if domains.IsEmpty then [ "" ] else domains)
        |> List.map (fun domain -> struct (domain, selector))

    /// The signatures of the settings, and those of each map line with the domain that it is for.
    let private signatures (program: OutProgram) : (string voption * Specifier) list =
        let ofEntry (struct (key: string, entry: MapEntry)) =
            match entry.Signatures with
            | Ok signatures -> signatures |> List.map (fun one -> SignatureMap.domainOf key, one)
            | Error _ -> []

        (OutSettings.signatures program.Settings @ ofStores program
         |> List.map (fun one -> ValueNone, one))
        @ (maps program |> List.collect SignatureMap.entries |> List.collect ofEntry)

    /// Every signature that may have to be made, as far as it is known before there is a message: of the settings and of
    /// both maps.
    let specifiers (program: OutProgram) : Specifier list = signatures program |> List.map snd

    /// Under which selectors and for which domains keys sign, as far as they are said.
    let keyUses (program: OutProgram) : KeyUse list =
        let settings = program.Settings

        let uses (domain: string voption, specifier: Specifier) =
            match Effective.keyFile settings specifier with
            | ValueNone -> []
            | ValueSome path ->
                namesOf settings domain specifier
                |> List.map (fun struct (domain, selector) ->
                    {
                        Path = path
                        Selector = selector
                        Domain = domain
                    })

        signatures program |> List.collect uses |> List.distinct
