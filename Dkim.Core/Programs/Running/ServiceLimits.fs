/// Bounds that every service has, whatever its settings: how long it waits, and for how much.
module Dkim.Core.Programs.Running.ServiceLimits

open System

/// How long messages on their way may take to end after a signal to stop.
let grace: TimeSpan = TimeSpan.FromSeconds 30.0

/// How long what must end after that may take.
let lastGrace: TimeSpan = TimeSpan.FromSeconds 5.0

/// Connections to a milter at the same time, where the process may have descriptors for so many.
[<Literal>]
let MilterConnections = 100000

/// How often key files are looked at.
let keyLook: TimeSpan = TimeSpan.FromSeconds 2.0

/// How long the addresses of the next hop are kept, in milliseconds.
[<Literal>]
let NextHopKept = 30000L

/// How long a trouble that lasts is counted before it is told again.
let lasting: TimeSpan = TimeSpan.FromMinutes 1.0

/// Troubles that are counted each by itself: whoever has many addresses could make as many of one.
[<Literal>]
let Troubles = 200

/// How long the name of this host is looked for.
let hostName: TimeSpan = TimeSpan.FromSeconds 2.0
