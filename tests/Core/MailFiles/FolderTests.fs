/// What of a folder is read.
module Dkim.Tests.Core.FolderTests

open System
open System.Diagnostics
open Expecto
open Dkim.Tests
open Dkim.Core.MailFiles
open Dkim.Tests.Core

let private listing (files: string list) (folders: string list) : FolderListing =
    {
        Files = Array.ofList files
        Folders = Array.ofList folders
        Problems = [||]
    }

[<Tests>]
let tests =
    testList
        "FolderTests"
        [
            testCase "of a Maildir cur and new are read, and not tmp or what lies beside them" (fun () ->
                let maildir folder =
                    [ folder + "/cur"; folder + "/new"; folder + "/tmp" ]

                let mail =
                    Folders.mailOf (
                        listing
                            [
                                "m/.Sent/cur/3:2,S"
                                "m/cur/1:2,S"
                                "m/dovecot-uidlist"
                                "m/new/2"
                                "m/tmp/4"
                            ]
                            (maildir "m" @ [ "m/.Sent" ] @ maildir "m/.Sent")
                    )

                Expect.equal
                    {
                        Files = [ "m/.Sent/cur/3:2,S"; "m/cur/1:2,S"; "m/new/2" ]
                        Unfinished = 1
                        LeftOut = 1
                    }
                    mail)

            testCase "of a folder of files all are read but indexes" (fun () ->
                let files = [ "d/.mh_sequences"; "d/1"; "d/Inbox"; "d/Inbox.msf"; "d/tmp/2" ]

                Expect.equal
                    [ "d/1"; "d/Inbox"; "d/tmp/2" ]
                    (Folders.mailOf (listing files [ "d/tmp"; "d/cur" ])).Files)

            testCase "a million names take their time, and no more" (fun () ->
                let files = Array.init 1000000 (fun number -> "m/cur/" + string number + ":2,S")
                let clock = Stopwatch.StartNew()

                let mail =
                    Folders.mailOf
                        { listing [] [ "m/cur"; "m/new"; "m/tmp" ] with
                            Files = files
                        }

                Expect.equal 1000000 mail.Files.Length
                Expect.below (TimeSpan.FromSeconds 15.0) clock.Elapsed)
        ]
