/// Bounds of the log of a service: what waits for a place that does not take lines, and for how long.
module Dkim.Core.Programs.Running.LogLimits

open System

/// Lines that wait for one place; more are lost, and counted.
[<Literal>]
let Waiting = 8192

/// Lines that are written at once.
[<Literal>]
let Batch = 512

/// How long lines are gathered before they are written: under load a thread woken for every line would cost more than the
/// lines.
let gathering: TimeSpan = TimeSpan.FromMilliseconds 50.0

/// How long what waits at the end is written; what is stuck even then is given up.
let lastLines: TimeSpan = TimeSpan.FromSeconds 2.0

/// How long a writer that was given up may take to end.
let lastWriter: TimeSpan = TimeSpan.FromMilliseconds 500.0

/// How long after a failure the log's daemon is looked for again: one that is started anew takes about as long.
let daemonPause: TimeSpan = TimeSpan.FromSeconds 1.0
