/// Where our grammars differ from the RFCs' on purpose. Each row replaces rules of a file in abnf/, and its examples are
/// texts that the two judge differently; a test holds both to be so, and docs/grammar-differences.md to be this table.
module Dkim.Tests.Conformance.Oracle.Differences

/// One deliberate difference.
type Difference =
    {
        /// The file whose rules are replaced.
        File: string
        /// The rule that the RFC has, in words where it is long.
        Rule: string
        /// What our grammar reads in its place.
        Ours: string
        Reason: string
        /// A comparison and a text that it judges differently by the RFC's rules and by ours.
        Example: string * string
    }

let private signature more =
    "v=1; a=rsa-sha1; b=AAAA; bh=AAAAAAAAAAAAAAAAAAAAAAAAAAA=; d=a.b; h=From; s=s; "
    + more

let all: Difference list =
    [
        {
            File = "dkim"
            Rule = "VALCHAR (RFC 6376 §3.2)"
            Ours = "VALCHAR = %x21-3A / %x3C-7E / %x80-FF"
            Reason =
                "internationalized mail has UTF-8 in values (RFC 8616 §4); that it is well formed is asked where the value means a name"
            Example = "tag list", "a=\195"
        }
        {
            File = "dkim"
            Rule = "tag-list (RFC 6376 §3.2)"
            Ours = "tag-list = tag-spec *( \";\" tag-spec ) [ \";\" [FWS] ]"
            Reason = "many signers write white space or a fold after the last semicolon"
            Example = "tag list", "a=b; "
        }
        {
            File = "dkim"
            Rule = "base64string (RFC 6376 §2.10)"
            Ours =
                "base64string = *( 4b64 ) ( 4b64 / 3b64 \"=\" gap / 2b64 \"=\" gap \"=\" gap )\nb64 = ALPHADIGITPS gap\ngap = *( WSP / FWS )"
            Reason =
                "groups of four characters with their padding, without which the octets are not known (RFC 4648 §4); white space anywhere"
            Example = "base64", "AAA"
        }
        {
            File = "dkim"
            Rule = "dkim-safe-char (RFC 8616 §4)"
            Ours = "dkim-safe-char = %x21-3A / %x3C / %x3E-7E / %x80-FF"
            Reason = "decoding is of octets; that they are UTF-8 is asked where the text is used"
            Example = "quoted-printable", "\255"
        }
        {
            File = "quoted-printable"
            Rule = "hex-octet (RFC 2045 §6.7)"
            Ours = "hex-octet = \"=\" gap HEX gap HEX\nHEX = DIGIT / %x41-46"
            Reason = "relays fold where they like, and a fold may cut a coded octet in two"
            Example = "quoted-printable", "=4 1"
        }
        {
            File = "dkim"
            Rule = "x-sig-q-tag-args (RFC 6376 §3.5)"
            Ours = "x-sig-q-tag-args = 1*( %x21-39 / %x3C-7B / %x7D-7E )"
            Reason =
                "arguments are passed over, not decoded; a colon would end them, and there is no use for a slash without any"
            Example = "signature", signature "q=dns/txt:x/"
        }
        {
            File = "dkim"
            Rule = "sig-t-tag, sig-x-tag (RFC 6376 §3.5)"
            Ours = "sig-t-tag = %x74 [FWS] \"=\" [FWS] 1*76DIGIT\nsig-x-tag = %x78 [FWS] \"=\" [FWS] 1*76DIGIT"
            Reason = "a time of more than twelve digits lies in a future without end, and is no syntax error"
            Example = "signature", signature "x=1234567890123"
        }
        {
            File = "dkim"
            Rule = "sig-z-tag (RFC 6376 §3.5)"
            Ours = "sig-z-tag = %x7A [FWS] \"=\" [FWS] tag-value"
            Reason = "a verifier does not need the copied fields; only an explanation reads them"
            Example = "signature", signature "z="
        }
        {
            File = "dkim"
            Rule = "sig-r-tag (RFC 6651 §3.1)"
            Ours = "sig-r-tag = %x72 [FWS] \"=\" [FWS] tag-value"
            Reason = "what is not `y` asks for nothing, and must not make a good signature fail"
            Example = "signature", signature "r=n"
        }
        {
            File = "dkim"
            Rule = "sig-i-tag (RFC 6376 §3.5)"
            Ours =
                "sig-i-tag = %x69 [FWS] \"=\" [FWS] *( WSP / FWS / hex-octet / %x21-3A / %x3C / %x3E-7E / %x80-FF )\ni-decoded = *i-local \"@\" domain-name\ni-local = %x20-7E / U-text\nU-text = UTF8-non-ascii"
            Reason =
                "the value is quoted-printable first (RFC 6376 §2.11), so white space goes; the local part, which only its domain understands, is anything that has no control characters"
            Example = "signature", signature "i=a..b@a.b"
        }
        {
            File = "smtp-names"
            Rule = "sub-domain (RFC 5321 §4.1.2)"
            Ours = "sub-domain = Edge [ *( Edge / \"-\" ) Edge ] / U-label\nEdge = ALPHA / DIGIT / \"_\""
            Reason = "selectors and host names in use have underscores"
            Example = "selector", "_a"
        }
        {
            File = "dkim"
            Rule = "key-h-tag, key-s-tag, key-t-tag (RFC 6376 §3.6.1)"
            Ours =
                "key-h-tag = %x68 [FWS] \"=\" [FWS] tag-value\nkey-s-tag = %x73 [FWS] \"=\" [FWS] tag-value\nkey-t-tag = %x74 [FWS] \"=\" [FWS] tag-value\nkey-words = key-word *( [FWS] \":\" [FWS] key-word )\nkey-word = 1*( %x21-39 / %x3C-7E )"
            Reason =
                "words that are not known are passed over, whatever characters they have; a value that is no list has no word that is known"
            Example = "key record", "h=a_b; p=AAAA"
        }
        {
            File = "dkim"
            Rule = "key-n-tag (RFC 6376 §3.6.1)"
            Ours = "key-n-tag = %x6e [FWS] \"=\" [FWS] tag-value"
            Reason = "no program interprets notes"
            Example = "key record", "p=AAAA; n==="
        }
        {
            File = "reports"
            Rule = "rep-ra-tag, rep-rp-tag, rep-rr-tag, rep-rs-tag (RFC 6651 §3.2)"
            Ours =
                "rep-ra-tag = %x72.61 [FWS] \"=\" [FWS] tag-value\nrep-rp-tag = %x72.70 [FWS] \"=\" [FWS] 1*DIGIT\nrep-rr-tag = %x72.72 [FWS] \"=\" [FWS] tag-value\nrep-rs-tag = %x72.73 [FWS] \"=\" [FWS] tag-value"
            Reason =
                "an address or a sentence that cannot be decoded counts as not there; reasons that are not known are passed over (RFC 6651 §5); leading zeros say nothing"
            Example = "reporting record", "rr=nobody"
        }
        {
            File = "domainkeys"
            Rule = "white space (RFC 4870 Appendix A)"
            Ours =
                "dk-list = dk-pair *( \";\" dk-pair ) [ \";\" [FWS] ]\ndk-space = [FWS]\ndk-value = [ dk-text *( 1*(WSP / FWS) dk-text ) ]\ndk-base64 = base64string\ndk-h = %x68 [FWS] \"=\" [FWS] hdr-name *( [FWS] \":\" [FWS] hdr-name )"
            Reason = "one grammar serves both schemes: white space is the folds of DKIM, after the last semicolon, too"
            Example = "DomainKeys signature", "a=rsa-sha1; b=AAAA; c=simple; d=example.com; q=dns; s=s; "
        }
        {
            File = "adsp"
            Rule = "adsp-record (RFC 5617 §4.2.1)"
            Ours = "adsp-record = adsp-dkim-tag *WSP *( \";\" adsp-tag ) [ \";\" *WSP ]"
            Reason = "white space after the last semicolon, as in every tag list"
            Example = "ADSP record", "dkim=all; "
        }
        {
            File = "mail"
            Rule = "FWS, ctext, qtext, quoted-pair (RFC 5322 §3.2)"
            Ours =
                "FWS = 1*( WSP / CR / LF )\nctext = %x00-08 / %x0B-0C / %x0E-1F / %x21-27 / %x2A-5B / %x5D-FF\nqtext = %x00-08 / %x0B-0C / %x0E-1F / %x21 / %x23-5B / %x5D-FF\nquoted-pair = \"\\\" OCTET"
            Reason =
                "whom a message is from must be found in spite of octets that no mail should have in a comment or a quoted string, or the address behind them would hide"
            Example = "addresses", "\"\128\" <a@b>"
        }
        {
            File = "mail"
            Rule = "atext (RFC 6532 §3.2)"
            Ours =
                "atext = ALPHA / DIGIT / \"!\" / \"#\" / \"$\" / \"%\" / \"&\" / \"'\" / \"*\" / \"+\" / \"-\" / \"/\" / \"=\" / \"?\" / \"^\" / \"_\" / \"`\" / \"{\" / \"|\" / \"}\" / \"~\" / %x80-FF"
            Reason = "the same for octets beyond ASCII that are not UTF-8, as in unencoded names of old mail"
            Example = "addresses", "\233 <a@b>"
        }
        {
            File = "mail"
            Rule = "obs-phrase (RFC 5322 §4.1)"
            Ours = "obs-phrase = 1*( word / [CFWS] \".\" [CFWS] )"
            Reason = "a display name that begins with a dot hides no address"
            Example = "addresses", ".a <a@b>"
        }
        {
            File = "mail"
            Rule = "dtext (RFC 5322 §3.4.1)"
            Ours = "domain-literal = [CFWS] \"[\" *( %x00-5A / %x5C / %x5E-FF ) \"]\" [CFWS]"
            Reason = "an address literal ends at its bracket; nothing in it is quoted, and nothing of it is used"
            Example = "addresses", "a@[\\]]"
        }
        {
            File = "mail"
            Rule = "address-list (RFC 5322 §3.4)"
            Ours = "address-list = *( [CFWS] \",\" ) [CFWS] [ address ] *( \",\" [ address / CFWS ] )"
            Reason = "a list of no address at all is a list"
            Example = "addresses", ""
        }
        {
            File = "mime"
            Rule = "token (RFC 2045 §5.1)"
            Ours = "token = 1*( %d33 / %d35-39 / %d42-43 / %d45-46 / DIGIT / ALPHA / %d94-126 / %x80-FF )"
            Reason = "services and identities may have internationalized names (RFC 8616 §3)"
            Example = "Authentication-Results", "\195\188; none"
        }
        {
            File = "results"
            Rule = "Keyword, where RFC 8601 uses it (RFC 5321 §4.1.2)"
            Ours =
                "method = Word [ [CFWS] \"/\" [CFWS] method-version ]\nresult = Word\nptype = Word\nproperty = Word\nWord = 1*( ALPHA / DIGIT / \"-\" / \"_\" )"
            Reason = "underscores and hyphens at the end occur, and only words that are known are heeded"
            Example = "Authentication-Results", "a; x_y=pass"
        }
        {
            File = "results"
            Rule = "authres-version, method-version (RFC 8601 §2.2)"
            Ours = "authres-version = 1*9DIGIT [CFWS]\nmethod-version = 1*9DIGIT [CFWS]"
            Reason = "no version has more than nine digits"
            Example = "Authentication-Results", "a 0000000001; none"
        }
        {
            File = "results"
            Rule = "authres-payload, resinfo (RFC 8601 §2.2)"
            Ours =
                "authres-payload = [CFWS] ( authserv-id [ CFWS authres-version ] / quoted-id authres-version ) ( no-result / *resinfo [ [CFWS] \";\" ] ) [CFWS] CRLF\nquoted-id = quoted-string\nresinfo = [CFWS] \";\" methodspec ( [ CFWS reasonspec ] [ CFWS properties ] / CFWS quoted-reason properties )\nquoted-reason = \"reason\" [CFWS] \"=\" [CFWS] quoted-string\nproperties = 1*propspec"
            Reason =
                "a field without results and a semicolon at the end are written by many; what follows a quoted string needs no white space before it"
            Example = "Authentication-Results", "a; dkim=pass;"
        }
        {
            File = "results"
            Rule = "1*propspec, pvalue (RFC 8601 §2.2)"
            Ours =
                "properties = propspec / propspec CFWS properties / quoted-propspec properties\npvalue = [CFWS] ( 1*bare / quoted-string [ \"@\" 1*bare ] ) [CFWS]\nquoted-propspec = ptype [CFWS] \".\" [CFWS] property [CFWS] \"=\" quoted-pvalue\nquoted-pvalue = [CFWS] quoted-string\nbare = %x21 / %x23-27 / %x2A-3A / %x3C-FF"
            Reason =
                "identities and paths are often written without the quotes that they need; white space stands between properties, so that a value never ends in its midst"
            Example = "Authentication-Results", "a; dkim=pass x.y=a/b"
        }
    ]

/// What no rule can say, because it counts.
let limits: (string * string) list =
    [
        "comments", "nest at most 16 deep"
        "a label of a domain name or selector", "63 octets; a domain 253, a selector 200 (RFC 1035 §2.3.4)"
        "h=", "1,000 names"
        "the local part of i=", "256 characters"
        "a signature", "65,536 octets"
        "a key, policy or reporting record", "16,384 octets"
        "an Authentication-Results field", "65,536 octets"
    ]
