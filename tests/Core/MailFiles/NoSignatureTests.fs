/// Why a message has no signature, and messages that are attached to one.
module Dkim.Tests.Core.NoSignatureTests

open System
open Expecto
open Dkim.Tests
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.MailFiles
open Dkim.Tests.Core

let private mailOf (text: string) : Mail =
    match Mail.read HeaderLimits.defaults FileLines.Auto (ReadOnlyMemory(Octets.ofLatin1 text)) with
    | Ok mail -> mail
    | Error error -> failtest (HeaderError.describe error)

let private fields =
    "From: ann@example.com\nDate: now\nMessage-ID: <1@example.com>\n"

let private signature =
    "DKIM-Signature: v=1; a=rsa-sha256; d=example.com; s=s; h=from; bh=; b=\n"

let private attached (encoding: string) (inner: string) =
    fields
    + "Content-Type: multipart/mixed;\n boundary=\"b c\"\n\npreamble\n--b c\nContent-Type: text/plain\n\ntext\n--b c\n"
    + encoding
    + "Content-Type: Message/RFC822; name=x.eml\n\n"
    + inner
    + "\n--b c--\n"

[<Tests>]
let tests =
    testList
        "NoSignatureTests"
        [
            testRows
                "why there is none is said, with what can be done"
                [
                    "", "empty", "nothing in it"
                    "\n\n  \n", "empty", "nothing in it"
                    "<!DOCTYPE html>\n<html><body>From: ann</body></html>\n", "html", "Show original"
                    "  <HTML>\n", "html", "Show original"
                    "From: Ann\nSent: Monday\nTo: Bob\nSubject: hello\n\nHello.\n", "printed", "print of a message"
                    "Hello Bob,\n\nhow are you?\n", "no-header", "Hello Bob,"
                    "\027[31mx\n\ny\n", "no-header", "\\x1b[31mx"
                    fields + "\nHello.\n", "no-field", "3 fields"
                    "Received: x\n\nHello.\n", "no-field", "one field"
                    fields + "\n" + signature + "Subject: hello\n\nHello.\n", "header-ended", "at line 4, because"
                    fields + " " + signature + "\nHello.\n", "folded", "in line 4"
                    fields + "X-Google-" + signature + "\nHello.\n", "other-names", "X-Google-DKIM-Signature"
                    fields + "DomainKey-Signature: a=rsa-sha1\n\nHello.\n", "domainkeys-only", "historic"
                    attached "" (fields + signature + "\nHello.\n"), "attached", "--attached"
                    // Not this message's header.
                    fields + "\nHello.\n\n" + signature, "no-field", "3 fields"
                    attached "" (fields + "\nHello.\n"), "no-field", "4 fields"
                ]
                (fun (text: string, name: string, says: string) ->
                    let why = NoSignature.find (mailOf text)
                    Expect.equal name (NoSignature.name why)
                    Expect.contains says (NoSignature.describe why))

            testRows
                "an attached message comes out as it was, base64 undone"
                [
                    "", id
                    "Content-Transfer-Encoding: 8bit\n", id
                    "Content-Transfer-Encoding: base64\n",
                    (fun (text: string) ->
                        Convert.ToBase64String(Octets.ofLatin1 text, Base64FormattingOptions.InsertLineBreaks))
                ]
                (fun (encoding: string, encode: string -> string) ->
                    let inner = fields + signature + "\nHello.\n"
                    let crlf = inner.Replace("\n", "\r\n")
                    let mail = mailOf (attached encoding (encode crlf |> _.Replace("\r\n", "\n")))

                    let found =
                        AttachedMessages.all mail |> List.map (fun octets -> Octets.latin1 octets.Span)

                    Expect.equal [ crlf ] found
                    Expect.equal 1 (AttachedMessages.countSigned mail))

            testCase "a message may be the whole body, and several may be attached" (fun () ->
                let inner = fields + signature + "\nHello.\n"

                let whole = mailOf (fields + "Content-Type: message/rfc822\n\n" + inner)
                Expect.equal 1 (AttachedMessages.all whole).Length

                let several =
                    fields
                    + "Content-Type: multipart/digest; boundary=b\n\n"
                    + String.replicate 150 ("--b\nContent-Type: message/rfc822\n\n" + inner + "\n")
                    + "--b--\n"

                Expect.equal MailLimits.Attached (AttachedMessages.all (mailOf several)).Length
                Expect.equal [] (AttachedMessages.all (mailOf (fields + "\n" + inner))))
        ]
