/// Bounds of a conversation that the proxies relay, in octets and counts.
module Dkim.Core.Programs.Proxies.Smtp.SmtpLimits

open System

/// The longest line from the client, CRLF included: it carries any AUTH exchange (RFC 4954 §4).
[<Literal>]
let CommandLine = 12288

/// The longest reply of the relay, all its lines together.
[<Literal>]
let Reply = 65536

/// Commands sent on whose replies are still to come; more wait in the client's socket.
[<Literal>]
let Pipelined = 1000

/// Commands answered by us, all with 5xx, before the client is sent away.
[<Literal>]
let Refused = 100

/// Octets of a command that are kept until its reply comes.
[<Literal>]
let KeptCommand = 600

/// The longest text of a reply of ours (RFC 5321 §4.5.3.1.5).
[<Literal>]
let OwnReply = 500

/// A longer line of a message may be broken on its way (RFC 5321 §4.5.3.1.6), without its CRLF.
[<Literal>]
let SafeLine = 998

/// How long a client whose message was refused may take to say QUIT.
let parting: TimeSpan = TimeSpan.FromSeconds 5.0

/// How long a client that is sent away may take to close.
let lingering: TimeSpan = TimeSpan.FromSeconds 2.0
