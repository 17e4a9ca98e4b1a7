/// What is measured: bodies of several kinds, and a message of four kilobytes.
module Dkim.Bench.Samples

open System
open System.Text

/// Octets of a body.
[<Literal>]
let BodyLength = 4_000_000

/// Octets in a piece, as a socket delivers them.
[<Literal>]
let Piece = 32768

let private repeated (unit: string) : byte[] =
    Encoding.ASCII.GetBytes(String.replicate (BodyLength / unit.Length + 1) unit)

let private html =
    String.Join(
        "\r\n",
        [
            "    <table width=\"100%\" cellpadding=\"0\" cellspacing=\"0\" border=\"0\" style=\"max-width:600px\">"
            "      <tr>"
            "        <td align=\"left\" style=\"padding:0 10px;font-family:Arial,sans-serif;font-size:14px\">"
            "          <p>Dear customer, we are writing to tell you that your order has been sent.</p>"
            "        </td>"
            "      </tr>"
            "    </table>"
            ""
            ""
        ]
    )

/// The bodies by name.
let bodies: Map<string, byte[]> =
    Map.ofList
        [
            "base64", repeated (String('Q', 76) + "\r\n")
            "text",
            repeated
                "The quick brown fox jumps over the lazy dog and does it again until\r\nthe line ends, which is soon.\r\n\r\n"
            "html", repeated html
            "blank lines", repeated "\r\n"
            "blanks", repeated "a  b\t"
        ]

/// A header of a usual size and the rest of four kilobytes.
let message: byte[] =
    let header =
        [
            "Received: from client.example.com (client.example.com [192.0.2.1])"
            "\tby mail.example.com (Postfix) with ESMTP id 4XqW1n2Zz7z3k"
            "\tfor <jane@example.net>; Fri, 20 Nov 2026 12:00:00 +0000 (UTC)"
            "From: Joe <joe@example.com>"
            "To: Jane <jane@example.net>"
            "Subject: Lunch on Sunday, if the weather is fine"
            "Date: Fri, 20 Nov 2026 12:00:00 +0000"
            "Message-ID: <20261120120000.4XqW1n2Zz7z3k@mail.example.com>"
            "MIME-Version: 1.0"
            "Content-Type: text/plain; charset=utf-8"
        ]

    let head = String.Join("\r\n", header) + "\r\n\r\n"
    let line = String('x', 70) + "\r\n"
    Encoding.ASCII.GetBytes(head + String.replicate ((4096 - head.Length) / line.Length) line)
