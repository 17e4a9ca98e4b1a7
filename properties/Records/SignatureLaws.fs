module Dkim.Properties.SignatureLaws

open System
open Expecto
open Dkim.Tests
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Canonicalization
open Dkim.Core.Programs.Settings

let private limits = SignatureLimits.defaults

let private layouts =
    [
        Layout.dkimproxy
        { Layout.dkimproxy with
            Margin = 76
            TagBreak = "\r\n\t"
            WholeTags = true
            LooseMarks = false
            BreakBeforeColon = false
            Starts = [ "h"; "b" ]
            LowerCaseNames = false
            Tail = "\r\n "
        }
        Layout.dkimFilter
    ]

let private parse (field: Field) = Signature.parse limits field

let private trials = MailGenerators.trials 500

[<Tests>]
let tests =
    testList
        "SignatureLaws"
        [
            testLaw trials "a signature that is written is read back" (fun (GoodSignature signature) ->
                layouts
                |> List.forall (fun layout ->
                    match parse (Layout.signed layout signature) with
                    | Ok read ->
                        read =
                            { signature with
                                ValueExtent = read.ValueExtent
                            }
                    | Error _ -> false))

            testLaw trials "no line of it is wider than it may be" (fun (GoodSignature signature) ->
                // A name cannot be broken: what is long by itself stays long.
                let words =
                    signature.Domain.Text.Length + signature.EffectiveIdentity.LocalPart.Length * 9

                layouts
                |> List.forall (fun layout ->
                    Octets.latin1 (Layout.signed layout signature).Raw.Span
                    |> fun text -> text.Split "\r\n"
                    |> Array.forall (fun line -> line.Length <= layout.Margin + words + 40)))

            testLaw
                trials
                "without b= and the white space around it, it is what was hashed"
                (fun (GoodSignature signature) ->
                    layouts
                    |> List.forall (fun layout ->
                        let field = Layout.signed layout signature

                        match parse field with
                        | Ok read -> CanonicalHeader.without read.ValueExtent field = Layout.unsigned layout signature
                        | Error _ -> false))

            testLaw trials "cutting b= changes only that extent" (fun (GoodSignature signature) ->
                let field = Layout.signed Layout.dkimproxy signature

                match parse field with
                | Error _ -> false
                | Ok read ->
                    let value = field.ValueText
                    let at, length = int read.ValueExtent.At, int read.ValueExtent.Length
                    let cut = TagList.withoutWhiteSpace (value.Substring(at, length))

                    cut = Convert.ToBase64String signature.Value
                    && value.Substring(0, at).EndsWith("b=", StringComparison.Ordinal)
                    && (CanonicalHeader.without read.ValueExtent field).ValueText = value.Remove(at, length))

            testLaw
                trials
                "another value of b= hashes to the same octets"
                (fun (GoodSignature signature) (other: byte) ->
                    let changed =
                        { signature with
                            Value = signature.Value |> Array.map (fun octet -> octet ^^^ (other ||| 1uy))
                        }

                    let hashed (signature: Signature) =
                        let field = Layout.signed Layout.dkimproxy signature

                        parse field
                        |> Result.map (fun read ->
                            CanonicalHeader.signedOctets
                                SimpleHeader
                                []
                                (CanonicalHeader.without read.ValueExtent field))

                    hashed changed = hashed signature && (hashed signature).IsOk)

            testLaw trials "a key record that is published is read back" (fun (GoodRecord record) ->
                let text = KeyRecord.render record

                KeyRecord.parse 16384<octet> text = Ok { record with Text = text })

            testLaw
                trials
                "a DomainKeys signature that is written is read back"
                (fun (GoodSignature signature) (withNames: bool) (ofFilter: bool) ->
                    let layout =
                        if ofFilter then
                            Layout.dkFilter
                        else
                            Layout.dkimproxyDomainKeys

                    let domainKeys =
                        { signature with
                            Scheme = DomainKeys
                            KeyType = Rsa
                            Hash = Sha1
                            HeaderCanon = NofwsHeader
                            BodyCanon = NofwsBody
                            CanonText = "nofws"
                            SignedFields = if withNames then signature.SignedFields else ValueNone
                            Identity = ValueNone
                            BodyLength = ValueNone
                            SignedAt = ValueNone
                            ExpiresAt = ValueNone
                            BodyHash = [||]
                        }

                    let header =
                        Header.ofFields
                            [
                                Layout.signed layout domainKeys
                                Field.ofText "From" (" ada@" + signature.Domain.Text)
                            ]

                    match DomainKeySignature.parse limits header 0 with
                    | Ok read ->
                        read =
                            { domainKeys with
                                ValueExtent = read.ValueExtent
                            }
                    | Error _ -> false)
        ]
