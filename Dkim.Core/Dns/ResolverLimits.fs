/// What is asked of the DNS and kept of its answers at most, whichever library asks. Whoever sends mail chooses the names
/// that are looked up for it, and their servers choose the answers.
module Dkim.Core.Dns.ResolverLimits

open System

/// The port of the DNS (RFC 1035 §4.2.1).
[<Literal>]
let Port = 53

/// Records of one name that are taken; more are left out.
[<Literal>]
let Records = 32

/// The longest text of a TXT record where no setting says it, in octets; a longer one makes the answer unusable.
[<Literal>]
let RecordOctets = 16384

/// Aliases that are followed from one name to its records.
[<Literal>]
let Aliases = 8

/// The largest datagram that a server may send, in octets (RFC 6891 §6.2.5): one that is not fragmented on its way.
[<Literal>]
let DatagramOctets = 1232

/// Look-ups that wait for an answer at the same time.
[<Literal>]
let Places = 2000

/// Look-ups that libunbound is given at the same time: well below the number of its ports, above which it drops some and
/// never answers them. It goes on with a question that nobody waits for any more, so that those count as well.
[<Literal>]
let UnderWay = 2500

/// Domains whose share of the places is remembered.
[<Literal>]
let KnownDomains = 4096

/// How long a look-up holds its place while others wait for one, in milliseconds: a server that takes longer is waiting
/// for others that do not answer.
[<Literal>]
let Hold = 2500

/// Who gives up sooner says nothing of the server, in milliseconds.
[<Literal>]
let SilentAfter = 1000

/// How long a server that failed is asked last, in milliseconds.
[<Literal>]
let TroubleTime = 10000

/// Tries that may fail for a pooled connection which the server has closed.
[<Literal>]
let StaleConnections = 64

/// Replies under a wrong number that are passed over. Who sends as many can make a look-up fail, no more.
[<Literal>]
let MisnumberedReplies = 8

/// Answers that are kept.
[<Literal>]
let KeptAnswers = 10000

/// Characters of names and records that are kept.
[<Literal>]
let KeptCharacters = 8388608L

/// The longest that an answer is kept, whatever its time to live says, in seconds.
[<Literal>]
let KeptSeconds = 3600

/// How long one question is tried over all servers and repetitions, where no setting says it: as long as the C library
/// tries one with two servers (resolv.conf(5)).
let questionTime: TimeSpan = TimeSpan.FromSeconds 10.0

/// How long libunbound may take for the first answer, which it gives by itself.
let unboundStart: TimeSpan = TimeSpan.FromSeconds 20.0

/// How long it is left alone when what it is waited on with has failed, in milliseconds.
[<Literal>]
let UnboundPause = 100

/// How long DnsClient's connections are used, in milliseconds: it keeps every one that it ever needed at once, and those
/// of a client end with it.
[<Literal>]
let ClientTime = 15000

/// The longest resolv.conf that is read, in octets.
[<Literal>]
let ResolvConfOctets = 65536

/// How often resolv.conf is looked at while there are questions, in milliseconds.
[<Literal>]
let ResolvConfPause = 1000

/// Places where each look-up needs a descriptor, of which the process may have so many: a quarter of them at most.
let placesOf (descriptors: int64) : int =
    int (Math.Clamp(descriptors / 4L, 10L, int64 Places))

/// How long the first try at each of so many servers waits, of the time of a question.
let firstWait (time: TimeSpan) (servers: int) : TimeSpan =
    TimeSpan.FromSeconds(Math.Clamp(time.TotalSeconds / float (servers + 2), 1.0, 30.0))

/// How long the second try waits: the servers share twice the time of a first one.
let secondWait (time: TimeSpan) (servers: int) : TimeSpan =
    firstWait time servers * 2.0 / float servers

/// Whether a name can be in the DNS: 1 to 253 printable ASCII characters in labels of 1 to 63. A backslash would be an
/// escape to the libraries and is none of a host name's characters.
let isPossible (name: string) : bool =
    let isNameChar (c: char) = c >= '!' && c <= '~' && c <> '\\'
    let mutable label = 0
    let mutable possible = name.Length >= 1 && name.Length <= 253
    let mutable at = 0

    while possible && at < name.Length do
        if name[at] = '.' then
            possible <- label > 0
            label <- 0
        else
            label <- label + 1
            possible <- label <= 63 && isNameChar name[at]

        at <- at + 1

    possible && label > 0
