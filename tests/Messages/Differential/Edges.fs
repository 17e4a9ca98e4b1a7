/// What tags and key records can be, good and odd, beside what they should be.
module Dkim.Tests.Messages.Differential.Edges

/// Values that a tag may have, good and odd, beside the one that it should have.
let tags: Map<string, string list> =
    Map
        [
            "v", [ "1"; "01"; "1.0"; "2"; ""; "DKIM1" ]
            "a",
            [
                "rsa-sha256"
                "RSA-SHA256"
                "rsa-sha1"
                "ed25519-sha256"
                "rsa-sha512"
                ""
                "rsa - sha256"
            ]
            "c",
            [
                "simple"
                "relaxed"
                "simple/simple"
                "Relaxed/Relaxed"
                "nofws"
                ""
                "relaxed/"
                "x/y"
            ]
            "d",
            [
                "EXAMPLE.com"
                "example.com."
                "example..com"
                "mail.example.com"
                ""
                "exa mple.com"
                "example.com\000"
                "com"
            ]
            "s", [ "RSA1024"; "rsa1024."; ""; "a@b"; "none"; "rsa 1024" ]
            "i",
            [
                "@example.com"
                "ada@example.com"
                "@mail.example.com"
                "ada@MAIL.example.com"
                "@example.org"
                "@xexample.com"
                "ada"
                ""
                "a=40b@example.com"
                "a b@example.com"
                "a=zz@example.com"
                "@com"
            ]
            "q",
            [
                "dns/txt"
                "dns"
                "dns/txt:x"
                "x:dns/txt"
                "DNS/TXT"
                ""
                "http"
                "dns/txt : x"
            ]
            "l",
            [
                "0"
                "1"
                "5"
                "00"
                "999999"
                "-1"
                "+1"
                "1.5"
                ""
                "1 2"
                "99999999999999999999"
                "x"
                "0x1"
            ]
            "t",
            [
                "1767225600"
                "0"
                "1767225900"
                "1767225901"
                "1999999999"
                "-1"
                "x"
                ""
                "01767225000"
                "99999999999999"
            ]
            "x",
            [
                "1767229200"
                "1767225600"
                "1767225599"
                "1767225300"
                "1767225299"
                "0"
                "-1"
                "x"
                ""
                "1767000000"
                "99999999999999"
            ]
            "h",
            [
                ""
                "From:"
                ":From"
                "From::To"
                "from"
                "FROM"
                "From,To"
                "To"
                "From:DKIM-Signature"
                "Fr om"
            ]
            "bh",
            [
                ""
                "AAAA"
                "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
                "<bh>="
                "*"
                "<bh>AAAA"
            ]
            "b", [ ""; "AAAA"; "<b>="; "<b>AAAA"; "*"; "\r\n\t<b>"; "<b> "; "<b>\r\n " ]
            "z", [ "From:ada"; "x"; ""; "From:a|To:b"; "Subject:=20" ]
            "r", [ "y"; "n"; "" ]
            "note", [ "x"; ""; "a=b"; "x y"; "\233"; "a\127" ]
        ]

/// The tags of key records for a key: of what type, for which hash, and the tag p= that it has.
let records (keyType: string) (hashName: string) (key: string) : string list list =
    [
        [ "v=DKIM1"; "k=" + keyType; "t=y"; key ]
        [ "v=DKIM1"; "k=" + keyType; "t=s"; key ]
        [ "v=DKIM1"; "k=" + keyType; "t=y:s"; key ]
        [ "v=DKIM1"; "k=" + keyType; "t=q : s"; key ]
        [ "v=DKIM1"; "k=" + keyType; "h=sha256"; key ]
        [ "v=DKIM1"; "k=" + keyType; "h=sha1"; key ]
        [ "v=DKIM1"; "k=" + keyType; "h=sha1:sha256"; key ]
        [ "v=DKIM1"; "k=" + keyType; "h=sha1 : sha256 : x"; key ]
        [ "v=DKIM1"; "k=" + keyType; "h=" + hashName; "s=email"; key ]
        [ "v=DKIM1"; "k=" + keyType; "h="; key ]
        [ "v=DKIM1"; "k=" + keyType; "s=email"; key ]
        [ "v=DKIM1"; "k=" + keyType; "s=*"; key ]
        [ "v=DKIM1"; "k=" + keyType; "s=tlsrpt"; key ]
        [ "v=DKIM1"; "k=" + keyType; "s=x:email"; key ]
        [ "v=DKIM1"; "k=" + keyType; "s="; key ]
        [ "v=DKIM1"; "k=rsa"; key ]
        [ "v=DKIM1"; "k=ed25519"; key ]
        [ "v=DKIM1"; "k=dsa"; key ]
        [ "v=DKIM1"; "k=" + keyType.ToUpperInvariant(); key ]
        [ "v=DKIM1"; "k="; key ]
        [ "v=DKIM1"; key ]
        [ "v=DKIM2"; "k=" + keyType; key ]
        [ "k=" + keyType; "v=DKIM1"; key ]
        [ "v = DKIM1 "; "\tk =" + keyType; " " + key + " " ]
        [ "v=DKIM1"; "k=" + keyType; "n=note=3Bx"; "zz=1"; key ]
        [ "v=DKIM1"; "k=" + keyType; "g=*"; key ]
        [ "v=DKIM1"; "k=" + keyType; "g="; key ]
        [ "v=DKIM1"; "k=" + keyType; "g=ada"; key ]
        [ "v=DKIM1"; "k=" + keyType; "g=bob"; key ]
        [ "v=DKIM1"; "k=" + keyType; "p=" ]
        [ "v=DKIM1"; "k=" + keyType ]
        [ "v=DKIM1"; "k=" + keyType; key; key ]
        [ "v=DKIM1"; "k=" + keyType; key; "" ]
        [ "v=DKIM1"; "k=" + keyType; key; ""; "" ]
        [ "v=DKIM1"; "k=" + keyType; key.Insert(20, " ").Insert(40, "\r\n ") ]
        [ "v=DKIM1"; "k=" + keyType; key + "=" ]
        [ "v=DKIM1"; "k=" + keyType; "p=AAAA" ]
        [ "v=DKIM1"; "k=" + keyType; "p=*" ]
        [ "spf1" ]
        [ "" ]
    ]
