/// Test mode: the record, its defaults and its rows.
namespace Dkim.Core.Programs.Filters.Settings

open System.Net
open Dkim.Core.Words
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Filters.Values
open Dkim.Core.Programs.Filters.Values.Rows

/// Test mode: one message from a file (dkim-filter(8) -t).
type TestSettings =
    {
        /// `-`: standard input.
        TestFile: string voption
        /// t= of signatures.
        FixedTime: int64<sec> voption
        /// The client that the message comes from; nothing for this machine, whose mail is ours.
        Client: IPAddress voption
        /// How often -v was given.
        Verbosity: int
        Strict: bool
    }

module internal TestSettings =
    let defaults: TestSettings =
        {
            TestFile = ValueNone
            FixedTime = ValueNone
            Client = ValueNone
            Verbosity = 0
            Strict = false
        }

    /// All but -v take effect with -t alone.
    let rows: Setting<TestSettings> list =
        [
            Setting.optional "t" (Codec.text "FILE|-") _.TestFile (fun v s -> { s with TestFile = v })
            |> letter 't'
            |> Setting.fixedForLife
            |> Setting.says "handle the message in this file, print what comes of it, and exit"
            |> Setting.detail
                "As if it came from 127.0.0.1, authenticated, with sender@example.org and recipient@example.com as its \
                 envelope. No lists of hosts are read, nothing is logged and no report sent. Without Mode it is only verified: \
                 -b sv does what a filter does."
            Setting.optional "H" Codecs.address _.Client (fun v s -> { s with Client = v })
            |> letter 'H'
            |> Setting.fixedForLife
            |> Setting.says "with -t: the client that the message comes from"
            |> Setting.detail
                "Lists of hosts are read then, and no macro of the MTA speaks for the message, so that it is told whether mail \
                 of this client would be signed."
            Setting.optional "F" Codecs.time _.FixedTime (fun v s -> { s with FixedTime = v })
            |> letter 'F'
            |> Setting.usage
            |> Setting.fixedForLife
            |> Setting.says "with -t: the time of signatures, in seconds since 1970"
            { Setting.make "v" Codecs.switch (fun s -> s.Verbosity > 0) (fun v s ->
                  { s with
                      Verbosity = if v then s.Verbosity + 1 else 0
                  }) with
                Arity = Arity.Flag
                Show = fun s -> List.replicate s.Verbosity "yes"
                Clear = fun s -> { s with Verbosity = 0 }
                Keep =
                    fun running fresh ->
                        { fresh with
                            Verbosity = running.Verbosity
                        }
            }
            |> letter 'v'
            |> Setting.fixedForLife
            |> Setting.says "with -t: say more; twice, more still"
            |> Setting.detail "Once: the mode, how it was chosen, as with LogWhy, and what the log would say."
            switch "StrictTestMode" _.Strict (fun v s -> { s with Strict = v })
            |> key
            |> Setting.fixedForLife
            |> Setting.says "with -t: lines of the message must end in CRLF"
        ]
