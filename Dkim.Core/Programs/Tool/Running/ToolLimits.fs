/// Bounds of what `dkim` waits for and takes from others.
module Dkim.Core.Programs.Tool.Running.ToolLimits

open System

/// How long a program of the system that is asked for something may take.
let otherProgram: TimeSpan = TimeSpan.FromSeconds 10.0

/// The most that it may say, in octets.
[<Literal>]
let OtherOutput = 4194304

/// What is shown of its complaint, in characters.
[<Literal>]
let Complaint = 300

/// How long the demonstration waits for a program to listen, and for a message to arrive.
let demoStep: TimeSpan = TimeSpan.FromSeconds 10.0

/// How often it tries to connect in that time.
let demoPause: TimeSpan = TimeSpan.FromMilliseconds 20.0

/// The longest message that its mailbox takes, in octets.
[<Literal>]
let DemoMessage = 67108864

/// Messages that wait in it.
[<Literal>]
let DemoMessages = 16
