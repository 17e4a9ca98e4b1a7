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

/// How often files of data sets are looked at.
let tableLook: TimeSpan = TimeSpan.FromSeconds 1.0

/// How often the log says how many names were known.
let cachePause: TimeSpan = TimeSpan.FromSeconds 300.0

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

/// How long what goes on even then may take to end once it was told to stop at once; it ends with the process.
let abortedGrace: TimeSpan = TimeSpan.FromSeconds 5.0

/// How long a process in the background may take to serve: longer than slow name servers and a machine that boots need,
/// shorter than a service manager waits.
let detached: TimeSpan = TimeSpan.FromSeconds 60.0

/// How long a process runs at least that a supervisor starts again at once. One that ends sooner is started after as long
/// a pause: it must not take the processor.
let restartPause: TimeSpan = TimeSpan.FromSeconds 1.0

/// Connections of which the kernel keeps so many until they are accepted, for each socket.
[<Literal>]
let Backlog = 511

/// How long no connection is accepted after a failure, which most likely is that no descriptor is left: they come back
/// when connections end.
let acceptPause: TimeSpan = TimeSpan.FromMilliseconds 200.0

/// How often connections are reminded of their limits of time, which are seconds.
let connectionBeat: TimeSpan = TimeSpan.FromMilliseconds 250.0

/// How long the lock of a socket's directory is waited for, in milliseconds. Whoever may read the directory may hold it:
/// that is no reason not to start.
[<Literal>]
let SocketLock = 2000L

/// How often it is tried in that time, in milliseconds: nothing tells when a lock is free.
[<Literal>]
let SocketLockPause = 20

/// How long a service manager may leave its socket full, in milliseconds.
[<Literal>]
let NotifyTime = 1000

/// The shortest time in which a service manager may want signs of life, in microseconds; a shorter one is none.
[<Literal>]
let WatchdogInterval = 2000L

/// Sockets that a service manager may pass; a larger number is none.
[<Literal>]
let PassedSockets = 1000

/// Descriptors that connections leave to look-ups, files and the log; the runtime alone has some twenty open.
[<Literal>]
let SpareDescriptors = 40
