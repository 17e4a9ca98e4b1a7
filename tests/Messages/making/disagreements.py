"""Why another implementation says something else than a case does: peer, ids, its words, the reason."""
import re

D, M, O = "dkimpy", "maildkim", "opendkim"

KNOWN = [
    (M + "|" + O, "canon-capitals|a-capitals|dk-a-capitals", "pass", "compares the names of algorithms without case"),
    (
        M,
        "body-only-blanks-simple|body-unended-simple|body-cr-at-end-simple|dk-.*-body-unended",
        "fail",
        "does not add the missing CRLF at the end of a body",
    ),
    (D, "body-only-blanks-relaxed", "body hash", "hashes CRLF for a relaxed body of blanks, which is the null input"),
    (
        O,
        "body-(unended|cr-at-end)-relaxed|body-multipart-broken",
        "invalid",
        "says nothing of a body without CRLF at its end under relaxed",
    ),
    (D, "body-bare-lf-.*|way-lf", "", "turns bare LF into CRLF before hashing"),
    (O, "body-(bare-lf|bare-cr|cr-at-end)-.*", "fail|invalid", "treats a bare CR or LF as part of a line end"),
    (
        D + "|" + O,
        "header-blank-before-colon-.*|odd-blank-before-colon|odd-line-without-colon|odd-space-first",
        "^no",
        "refuses the whole message",
    ),
    (M, "odd-blank-before-colon", "fail", "hashes the own field without the white space before its colon"),
    (O, "header-nul-relaxed", "fail", "C strings end at a NUL"),
    (D, "header-two-from", "fail", "takes From as oversigned whatever h= says"),
    (
        D + "|" + M,
        "header-no-from|odd-signature-only|h-without-from|h-xfrom",
        "pass",
        "does not insist on a signed From",
    ),
    (M, "l-zero|l-zero-replaced", "fail", "takes l=0 for no l="),
    (D + "|" + M, "l-beyond|l-huge", "pass", "allows l= beyond the body"),
    (M + "|" + O, "l-(77-digits|plus)", "pass", "reads numbers as the C library or Perl does"),
    (M, "(l|t)-(empty|fraction|two|word|negative|date)|empty-t", "pass", "reads numbers as Perl does"),
    (M, "several-syntax-error-first", "pass|absent", "gives no result for a signature that is no tag list"),
    (
        O,
        "several-syntax-error-first|several-dns-trouble-first",
        "^no",
        "one signature in trouble ends the whole message",
    ),
    (D + "|" + M + "|" + O, "several-own-name", "fail", "takes dkim-signature in h= for the own field, against 3.5"),
    (D, "list-semicolon-blank-at-end-r", "fail", "keeps the white space behind b="),
    (
        M,
        "list-(empty-spec|semicolon-first|digit-first|hyphen|underscore-first|blank-in-name|no-name|control|nul|latin1"
        "|bare-cr|bare-lf)",
        "pass",
        "reads tag lists leniently",
    ),
    (D, "list-(hyphen|blank-in-name|control|nul|latin1|bare-cr)", "pass", "reads tag lists leniently"),
    (O, "list-digit-first|i-dot|b-three-pads|a-blank|q-.*|empty-q", "pass", "reads this tag leniently"),
    (M + "|" + O, "list-twice-.*", "pass", "takes the last of two equal tags"),
    (M, "missing-(v|bh)|empty-(v|bh|c)", "pass", "accepts signatures of the drafts before RFC 4871"),
    (
        D + "|" + M + "|" + O,
        "d-(trailing-dot|two-dots|long-label|blank|hyphen-first|hyphen-last)|s-(two-dots|long|at)",
        "pass",
        "leaves the form of names to the DNS",
    ),
    (
        D + "|" + M + "|" + O,
        "h-(colon|trailing-colon|leading-colon|two-colons|blank-name)",
        "pass",
        "reads h= leniently",
    ),
    (D + "|" + M + "|" + O, "h-too-many|key-long|odd-tag-list-long", "pass", "has no such limit"),
    (M, "b-three-pads", "pass", "decodes base64 leniently"),
    (D + "|" + M, "i-(dot|qp-small|qp-cut|qp-word)", "pass", "does not decode quoted-printable"),
    (D, "i-qp-domain", "invalid", "does not decode quoted-printable"),
    (D + "|" + M + "|" + O, "t-(ahead-.*|10-12|2-63)", "pass", "allows signatures of the future, or more of it"),
    (O, "t-zero", "invalid", "takes t=0 for unset"),
    (D + "|" + M, "x-(equal|before-t)", "pass", "does not compare x= with t="),
    (D, "q-(list|unknown-first|blanks|options)", "invalid", "knows no lists in q="),
    (M, "q-blanks|key-h-both|key-s-list", "invalid", "does not allow white space in the list"),
    (O, "list-latin1", "^no", "refuses octets above 127"),
    (M, "q-trailing", "pass", "takes the empty method for none"),
    (D, "key-s-list", "invalid", "knows no lists there"),
    (M, "key-g-(other|empty)", "granularity", "obeys g= as RFC 4871 does"),
    (
        D + "|" + M + "|" + O,
        "key-(v-second|twice|empty-spec|quotes|backslash|nul|k-capitals)",
        "pass",
        "reads key records leniently",
    ),
    (
        D + "|" + M,
        "key-h-(sha1|unknown|empty)",
        "pass",
        "does not check the hashes that a key allows, or an empty list",
    ),
    (D, "key-t-s-sub", "pass", "does not check t=s"),
    (O, "key-utf8-note", "corrupt", "refuses 8-bit octets in a note"),
    (D + "|" + M + "|" + O, "dns-two-(junk-first|wrong-first|revoked-beside)", "", "looks at the first record alone"),
    (O, "rsa-8192", "invalid", "has no room for a signature of 8192 bits"),
    (D + "|" + M, "rsa-9216", "pass", "has no such limit"),
    (
        D + "|" + M + "|" + O,
        "rsa-768-padded|rsa-form-(spki-junk-behind|pkcs1-junk-behind|oid|pss-oid|negative)",
        "pass",
        "reads DER leniently",
    ),
    (D + "|" + M + "|" + O, "rsa-e-.*|rsa-e1|rsa-e2", "pass", "takes any exponent"),
    (M + "|" + O, "rsa-form-pkcs1", "invalid", "knows SubjectPublicKeyInfo alone"),
    (D, "forged-zero-in-front", "pass", "does not check the length of an RSA signature"),
    (O, "ed-key-without-k", "pass", "takes the key type from the signature"),
    (
        O,
        "ed-key-(non-canonical|small-order)",
        "pass",
        "OpenSSL accepts points of small order, with which one signature fits every message",
    ),
    (M, "dk-no-q|dk-twice", "pass", "reads DomainKeys tag lists leniently"),
    (D + "|" + M + "|" + O, "eai-.*", "", "knows no RFC 8616"),
    (M, "attack-length-zero-new-body", "fail", "takes l=0 for no l="),
    (M, "attack-d-comment", "pass", "leaves the form of names to the DNS"),
    (D + "|" + M + "|" + O, "attack-i-(nul|newline|escape)", "pass", "does not look into the local part"),
    (O, "attack-i-(comment|two)", "", "reads local parts strictly"),
    (D + "|" + M + "|" + O, "attack-(txt-long|names-same)", "pass", "has no such limit"),
]


def reason(peer, id, word):
    for names, ids, words, why in KNOWN:
        if re.fullmatch(names, peer) and re.fullmatch(ids, id) and re.search(words, word):
            return why
    return None
