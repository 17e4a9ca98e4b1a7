/// Bounds of a conversation between an MTA and its milter.
module Dkim.Core.Programs.Filters.Milter.MilterLimits

open System

/// For the next command. An MTA keeps its milters as long as it keeps its client.
let command: TimeSpan = TimeSpan.FromHours 2.0

/// For the next command of an MTA that has connected and brought no message yet, once the service is to end. MTAs take a
/// connection for each client, and say within milliseconds what they know of it.
let firstMessage: TimeSpan = TimeSpan.FromSeconds 2.0

/// For the MTA to take a reply.
let reply: TimeSpan = TimeSpan.FromMinutes 5.0

/// Between signs of life while names are looked up; MTAs give up after ten seconds without any.
let progress: TimeSpan = TimeSpan.FromSeconds 5.0

/// How long a connection that has work to do is served before others have their turn, in milliseconds.
[<Literal>]
let Turn = 5

/// The longest data of a packet, in octets, but for those of fields and of pieces of a body.
[<Literal>]
let Packet = 131072

/// The longest set of macros of one command, in octets.
[<Literal>]
let Macros = 65536

/// The longest text of a reply or of a reason to hold a message, in characters.
[<Literal>]
let ReplyText = 900
