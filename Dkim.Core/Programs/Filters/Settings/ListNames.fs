/// The lists and keys that settings name: the record, its defaults and its rows.
namespace Dkim.Core.Programs.Filters.Settings

open Dkim.Core.Tables
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Filters.Values.Rows

/// The lists and keys that settings name.
type ListNames =
    {
        PeerList: string voption
        InternalHosts: string voption
        ExternalIgnoreList: string voption
        /// Domains between commas, or a file of them where it begins with a slash.
        Domain: string voption
        /// Domains between commas, or a file of them where it begins with a slash.
        TrustSignaturesFrom: string voption
        LocalAdsp: string voption
        KeyFile: string voption
        KeyList: string voption
        Selector: string voption
        /// -K, dk-filter's -k: the key file is a key list.
        MultipleKeys: bool
    }

module internal ListNames =
    /// What the problem is named by that nothing to sign with is set.
    [<Literal>]
    let NeedsKey = "signing"

    let defaults: ListNames =
        {
            PeerList = ValueNone
            InternalHosts = ValueNone
            ExternalIgnoreList = ValueNone
            Domain = ValueNone
            TrustSignaturesFrom = ValueNone
            LocalAdsp = ValueNone
            KeyFile = ValueNone
            KeyList = ValueNone
            Selector = ValueNone
            MultipleKeys = false
        }

    /// Clients that are told from others.
    let clients: Setting<ListNames> list =
        [
            Setting.optional "PeerList" path _.PeerList (fun v s -> { s with PeerList = v })
            |> both 'a'
            |> Setting.conceals SetPlace.withoutPassword
            |> Setting.says "a file of clients whose mail is left alone"
            |> Setting.detail
                "An entry on each line: a host name, a .domain, an IPv4 or IPv6 address, or a network such as \
                 192.168.1.0/24, 192.168.1.0/255.255.255.0 or 2001:db8::/32. A ! before it excludes what an entry above it \
                 includes: the last that matches decides. # begins a comment. Addresses are read as inet_addr(3) does, so \
                 that 1.2.3/24 means 1.2.0.3/24. A value such as refile:PATH or redis://HOST/PREFIX is a data set as in \
                 opendkim.conf(5), whose networks are written as they are, and where the most precise entry decides."
            Setting.optional "InternalHosts" path _.InternalHosts (fun v s -> { s with InternalHosts = v })
            |> both 'i'
            |> Setting.conceals SetPlace.withoutPassword
            |> Setting.says "a file of clients whose mail is signed (default: 127.0.0.1 and ::1)"
            |> Setting.detail
                "Entries as in PeerList. The file takes the place of the default. Mail submitted on the machine itself \
                 counts as from 127.0.0.1."
            Setting.optional "ExternalIgnoreList" path _.ExternalIgnoreList (fun v s ->
                { s with ExternalIgnoreList = v })
            |> both 'I'
            |> Setting.conceals SetPlace.withoutPassword
            |> Setting.says "a file of other clients that may send for our domains"
            |> Setting.detail "Entries as in PeerList. For these no log line tells of an external host."
        ]

    /// Whose mail is signed.
    let domain: Setting<ListNames> list =
        [
            Setting.optional "Domain" (Codec.text "DOMAIN,...|FILE") _.Domain (fun v s -> { s with Domain = v })
            |> both 'd'
            |> Setting.says "sign the mail of these domains"
            |> Setting.detail
                "Between commas, or one on each line of a file whose path begins with a slash. A * stands for any \
                 characters."
        ]

    /// What signs it.
    let keys: Setting<ListNames> list =
        [
            Setting.optional "KeyFile" path _.KeyFile (fun v s -> { s with KeyFile = v })
            |> both 'k'
            |> Setting.alias "KeyList"
            |> Setting.brings NeedsKey
            |> Setting.says "the private key that signs"
            |> Setting.detail "PEM; RSA or Ed25519. With -K it is a key list."
            Setting.optional "KeyList" path _.KeyList (fun v s -> { s with KeyList = v })
            |> key
            |> Setting.brings NeedsKey
            |> Setting.conceals SetPlace.withoutPassword
            |> Setting.says "a file that says which key signs for whom"
            |> Setting.detail
                "Lines of PATTERN:DOMAIN:KEY. The first pattern that matches the sender's address, * standing for any \
                 characters, decides; where it stands on several lines, each gives a signature. DOMAIN is that of the \
                 signature, * the sender's own. KEY is looked for as it is, with .pem and with .private; its last part is \
                 the selector. A line of a directory alone is the base of the paths that follow. A key that cannot be used is \
                 told at the start and keeps the mail of its senders waiting; -n and a reload refuse it. A value such as \
                 refile:PATH or dsn:BACKEND://... is a data set as in opendkim.conf(5) SigningTable: the sender's address, \
                 its domain, .parents and * are looked up, and the value is DOMAIN:KEY. Such a key is read as it is when a \
                 message needs it, by the user of the filter, under the name that is written."
            Setting.optional "Selector" (Codec.text "NAME") _.Selector (fun v s -> { s with Selector = v })
            |> both 's'
            |> Setting.brings NeedsKey
            |> Setting.says "the selector that the public key of KeyFile is published under"
        ]

    /// What the key file is.
    let multiple: Setting<ListNames> list =
        [
            Setting.flag "K" _.MultipleKeys (fun v s -> { s with MultipleKeys = v })
            |> letter 'K'
            |> Setting.says "the file of -k is a key list"
        ]

    /// Whose signatures count.
    let trusted: Setting<ListNames> list =
        [
            Setting.optional "TrustSignaturesFrom" (Codec.text "DOMAIN,...|FILE") _.TrustSignaturesFrom (fun v s ->
                { s with TrustSignaturesFrom = v })
            |> key
            |> Setting.says "domains whose signatures count for authors of other domains (default: all)"
        ]

    /// Practices that hold whatever domains publish.
    let practices: Setting<ListNames> list =
        [
            Setting.optional "LocalADSP" path _.LocalAdsp (fun v s -> { s with LocalAdsp = v })
            |> key
            |> Setting.says "a file of practices that hold whatever the domains publish"
            |> Setting.detail
                "Lines of DOMAIN:PRACTICE, with a dot before the domain for those below it; unknown, all or discardable. \
                 The first that matches counts."
        ]
