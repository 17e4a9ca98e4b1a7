/// Bounds of qmail-dk, whatever its environment says.
module Dkim.Core.Programs.Qmail.QmailLimits

/// How long a message may take to come, in milliseconds: as qmail-queue, which gives up after a day.
[<Literal>]
let MessageTime = 86400000L

/// A longer message waits in a file, in octets.
[<Literal>]
let InMemory = 1048576

/// Where a message begins in its file, in octets, so that a head can be put before it without copying. It is longer than
/// all that is added to a header of the greatest length.
[<Literal>]
let HeadRoom = 4194304L
