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

/// Files of a folder that are read.
[<Literal>]
let FolderFiles = 2000000

/// Messages that wait for the answers to their questions at the same time.
[<Literal>]
let WaitingMessages = 4000

/// What the headers of these may have, in octets.
[<Literal>]
let WaitingOctets = 33554432

/// Answers that are kept for the messages that follow.
[<Literal>]
let KeptAnswers = 100000

/// How long a command is silent on a terminal before it says how far it has come.
let progressAfter: TimeSpan = TimeSpan.FromSeconds 2.0

/// How often it then says so.
let progressPause: TimeSpan = TimeSpan.FromMilliseconds 250.0

/// Domains that a summary has a row for.
[<Literal>]
let SummaryDomains = 100

/// Domains that are told apart at all; the rest are counted together.
[<Literal>]
let CountedDomains = 20000

/// Messages of each kind, those that pass and the others, that a page has rows for.
[<Literal>]
let PageMessages = 1000

/// Files for which the same note is printed.
[<Literal>]
let NotesOfAKind = 3
