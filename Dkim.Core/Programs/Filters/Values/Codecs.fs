/// How the milters' settings write their values. Refusals are in the originals' words.
module internal Dkim.Core.Programs.Filters.Values.Codecs

open System
open System.Globalization
open System.Net
open Dkim.Core.Words
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Programs.Settings

/// The reason of a yes or no, or a number, that is none; it is told with the line that it stands on.
[<Literal>]
let Illegal = "illegal value"

let private yes = "tTyY1"
let private no = "fFnN0"

/// Yes or no by the first character alone.
let switch: Codec<bool> =
    {
        Shape = "yes|no"
        Parse =
            fun text ->
                if text <> "" && yes.Contains text[0] then Ok true
                elif text <> "" && no.Contains text[0] then Ok false
                else Error Illegal
        Show = fun value -> if value then "yes" else "no"
    }

let private parsed (style: NumberStyles) (text: string) : int64 voption =
    match Int64.TryParse(text, style, CultureInfo.InvariantCulture) with
    | true, value -> ValueSome value
    | false, _ -> ValueNone

let private octal (text: string) : int64 voption =
    let isOctal =
        text.Length <= 20 && text |> String.forall (fun c -> c >= '0' && c <= '7')

    if isOctal then
        text
        |> Seq.fold (fun value c -> value * 8L + int64 (int c - int '0')) 0L
        |> ValueSome
    else
        ValueNone

/// A number as C writes it: decimal, 0x and hexadecimal, 0 and octal.
let private cNumber (text: string) : int64 voption =
    if text.StartsWith("0x", StringComparison.OrdinalIgnoreCase) then
        parsed NumberStyles.AllowHexSpecifier (text.Substring 2)
    elif text.Length > 1 && text[0] = '0' then
        octal (text.Substring 1)
    else
        parsed NumberStyles.None text

/// A number from `low` to `high`, as C writes it.
let integer shape (low: int64) (high: int64) : Codec<int64> =
    {
        Shape = shape
        Parse =
            fun text ->
                match cNumber text with
                | ValueSome value when value >= low && value <= high -> Ok value
                | _ -> Error Illegal
        Show = fun value -> value.ToString CultureInfo.InvariantCulture
    }

let int32 shape low high : Codec<int> =
    integer shape (int64 low) (int64 high) |> Codec.map int int64

let seconds: Codec<int64<sec>> =
    integer "SECONDS" 0L 315360000L
    |> Codec.map (fun value -> value * 1L<sec>) int64

/// A time that 0 leaves out.
let lifetime: Codec<int64<sec> voption> =
    seconds
    |> Codec.map
        (fun value -> if value > 0L<sec> then ValueSome value else ValueNone)
        (ValueOption.defaultValue 0L<sec>)

/// A time of day in seconds since 1970-01-01T00:00:00Z.
let time: Codec<int64<sec>> =
    integer "SECONDS" 0L 999999999999L
    |> Codec.map (fun value -> value * 1L<sec>) int64

/// An IPv4 or IPv6 address.
let address: Codec<IPAddress> =
    {
        Shape = "ADDRESS"
        Parse =
            fun text ->
                match Endpoint.parseHost text, IPAddress.TryParse text with
                | Ok _, (true, NonNull address) -> Ok address
                | Error reason, _ -> Error reason
                | Ok _, _ -> Error "no address"
        Show = string
    }

/// Permission bits, shown in octal.
let mask: Codec<int> =
    { int32 "MASK" 0 0o777 with
        Show = fun value -> "0" + Convert.ToString(value, 8)
    }

/// Text between commas.
let texts shape : Codec<string list> =
    {
        Shape = shape
        Parse = Pattern.items >> Ok
        Show = String.concat ","
    }

/// Names of header fields between commas. What cannot be one is passed over: no message has it.
let fieldNames: Codec<FieldName list> =
    {
        Shape = "NAME,..."
        Parse = Pattern.items >> List.choose (FieldName.tryCreate >> ValueOption.toOption) >> Ok
        Show = List.map _.Text >> String.concat ","
    }

let private words (rows: (string * 'v) list) (refusal: string -> string) : Codec<'v> =
    let choice =
        Codec.choice rows (fun value -> rows |> List.find (snd >> (=) value) |> fst)

    { choice with
        Parse = fun text -> choice.Parse text |> Result.mapError (fun _ -> refusal text)
    }

let quoted (what: string) (text: string) = what + " \"" + text + "\""

let keyTreatment name : Codec<KeyTreatment> =
    words
        [
            "neutral", KeyTreatment.Neutral
            "none", KeyTreatment.Unchanged
            "fail", KeyTreatment.Fail
        ]
        (fun _ -> quoted "illegal value for" name)

/// Whether a policy is applied.
let policyTreatment name : Codec<bool> =
    words [ "apply", true; "ignore", false ] (fun _ -> quoted "illegal value for" name)

let logFormat: Codec<LogFormat> =
    words [ "text", LogFormat.Text; "json", LogFormat.Json ] (fun _ -> quoted "illegal value for" "LogFormat")

let resolver: Codec<ResolverKind> =
    { Codec.resolver with
        Parse =
            Codec.resolver.Parse
            >> Result.mapError (fun _ -> quoted "illegal value for" "Resolver")
    }

let facility: Codec<Facility> =
    { Codec.facility with
        Parse =
            fun text ->
                Codec.facility.Parse text
                |> Result.mapError (fun _ -> quoted "unknown syslog facility" text)
    }

let mode: Codec<FilterMode> =
    let add (mode: FilterMode) letter =
        if letter = 's' then
            { mode with Signs = true }
        else
            { mode with Verifies = true }

    let isMode text =
        text <> "" && String.forall (fun letter -> letter = 's' || letter = 'v') text

    {
        Shape = "[s][v]"
        Parse =
            fun text ->
                if isMode text then
                    Ok(Seq.fold add { Signs = false; Verifies = false } text)
                else
                    Error(quoted "unknown mode" text)
        Show = fun mode -> (if mode.Signs then "s" else "") + (if mode.Verifies then "v" else "")
    }

/// The mode that a word in the place of letters may mean.
let tryMendMode (text: string) : string voption =
    let word = text.ToLowerInvariant()

    let letters =
        [ "sign", "s"; "verif", "v"; "both", "sv" ]
        |> List.filter (fun (part, _) -> word.Contains part)
        |> List.map snd

    match letters, word.Replace(",", "") with
    | [], ("s" | "v" | "sv" | "vs" as plain) -> ValueSome plain
    | [], _ -> ValueNone
    | letters, _ -> ValueSome(String.concat "" letters)

let private unknownCanon = quoted "unknown canonicalization algorithm"

/// `header[/body]`; one word is for the header alone.
let canonicalization: Codec<struct (HeaderCanon * BodyCanon)> =
    {
        Shape = "simple|relaxed[/simple|relaxed]"
        Parse =
            fun text ->
                Signature.readCanon (text.ToLowerInvariant())
                |> Result.mapError (fun _ -> unknownCanon text)
        Show = fun (struct (header, body)) -> Algorithms.canonName header body
    }

/// The two words of DomainKeys.
let domainKeysCanonicalization: Codec<struct (HeaderCanon * BodyCanon)> =
    {
        Shape = "simple|nofws"
        Parse =
            fun text ->
                match Algorithms.domainKeysCanons.TryParse(text.ToLowerInvariant()) with
                | ValueSome canon -> Ok canon
                | ValueNone -> Error(unknownCanon text)
        Show = fun (struct (header, body)) -> Algorithms.canonName header body
    }

let algorithm: Codec<struct (KeyType * Hash)> =
    {
        Shape = "rsa-sha256|rsa-sha1|ed25519-sha256"
        Parse =
            fun text ->
                match Algorithms.signing.TryParse(text.ToLowerInvariant()) with
                | ValueSome algorithm -> Ok algorithm
                | ValueNone -> Error(quoted "unknown signing algorithm" text)
        Show = fun (struct (keyType, hash)) -> Algorithms.name keyType hash
    }

let private digits (text: string) : int64 voption =
    if text.Length <= 18 then
        parsed NumberStyles.None text
    else
        ValueNone

/// `min`, `min%` or `min+`.
let minimum: Codec<MinimumSigned> =
    let parse (text: string) =
        let head = if text = "" then "" else text.Substring(0, text.Length - 1)

        match text, digits text, digits head with
        | _, ValueSome octets, _ -> Ok(MinimumSigned.Octets(octets * 1L<octet>))
        | _, _, ValueSome value when text.EndsWith '+' -> Ok(MinimumSigned.AllBut(value * 1L<octet>))
        | _, _, ValueSome value when text.EndsWith '%' && value <= 100L -> Ok(MinimumSigned.Percent(int value))
        | _ -> Error(quoted "illegal value for" "Minimum")

    let show minimum =
        match minimum with
        | MinimumSigned.Octets octets -> string (int64 octets)
        | MinimumSigned.Percent percent -> string percent + "%"
        | MinimumSigned.AllBut octets -> string (int64 octets) + "+"

    {
        Shape = "N|N%|N+"
        Parse = parse
        Show = show
    }

let private units = [ 's', 1L; 'm', 60L; 'h', 3600L; 'd', 86400L ]

/// `n/t[u]`: so many restarts within so many seconds.
let restartRate: Codec<struct (int * int)> =
    let duration (text: string) =
        let letter =
            if text = "" then
                ' '
            else
                Char.ToLowerInvariant text[text.Length - 1]

        match units |> List.tryFind (fst >> (=) letter) with
        | Some(_, unit) -> digits (text.Substring(0, text.Length - 1)) |> ValueOption.map ((*) unit)
        | None -> digits text

    let fits value =
        value > 0L && value <= int64 Int32.MaxValue

    let parse (text: string) =
        match text.Split '/' with
        | [| count; time |] ->
            match digits count, duration time with
            | ValueSome count, ValueSome time when fits count && fits time -> Ok(struct (int count, int time))
            | _ -> Error "AutoRestartRate invalid"
        | _ -> Error "AutoRestartRate invalid"

    {
        Shape = "N/TIME[s|m|h|d]"
        Parse = parse
        Show = fun (struct (count, time)) -> string count + "/" + string time
    }
