/// What is read of a file with mail at most.
namespace Dkim.Core.MailFiles

/// How long a message, and all that comes out of a compressed file, may be, in octets.
type ReadLimits = { Message: int; Unpacked: int64 }

module MailLimits =
    /// The most that comes out of a compressed file, in octets: what is longer has to be unpacked first.
    [<Literal>]
    let Unpacked = 2147483648L

    /// Octets that a file is asked for at once.
    [<Literal>]
    let Piece = 65536

    /// Octets by which the form of a text is known.
    [<Literal>]
    let Head = 4096

    /// Octets by which its encoding is known.
    [<Literal>]
    let Start = 64

    /// Attached messages that are looked at.
    [<Literal>]
    let Attached = 100

    /// Octets of a body that are searched for what belongs into a header.
    [<Literal>]
    let Searched = 262144
