/// Why qmail-dk hands a message not on: its exit codes and what it says with them (qmail-queue(8)).
namespace Dkim.Core.Programs.Qmail

/// The exit codes of qmail-queue(8) that qmail-dk has itself: up to 40 refuses for good, the others for now.
module QmailExit =
    [<Literal>]
    let RefusedForGood = 13

    [<Literal>]
    let NoPrivateKey = 32

    [<Literal>]
    let OutOfMemory = 51

    [<Literal>]
    let Timeout = 52

    [<Literal>]
    let CannotWrite = 53

    [<Literal>]
    let CannotRead = 54

    [<Literal>]
    let Configuration = 55

    [<Literal>]
    let NoHome = 61

    [<Literal>]
    let NoTemporaryFile = 63

    [<Literal>]
    let Internal = 81

    [<Literal>]
    let RefusedForNow = 82

    [<Literal>]
    let CannotExecute = 120

/// Why a message is not handed on.
type QmailRefusal =
    {
        Code: int
        /// In one line, for descriptor 2.
        Reason: string
        /// What the SMTP client is told where the caller reads that: D (for good) or Z (for now), then the text
        /// (qmail-queue(8) of notqmail 1.09, exit code 82). Empty where the code alone says it.
        Reply: string
    }

module internal QmailRefusal =
    let ofFault (code: int) (reason: string) : QmailRefusal =
        {
            Code = code
            Reason = reason
            Reply = ""
        }

    /// The letter of a setting refuses a result.
    let ofResult (setting: string) (method: string) (code: int) (letter: char) (words: string) : QmailRefusal =
        let isForGood = code = QmailExit.RefusedForGood

        {
            Code = code
            Reason = setting + " refuses the result " + string letter + " (" + words + ")"
            Reply =
                (if isForGood then "D" else "Z")
                + "message refused, "
                + method
                + ": "
                + words
                + (if isForGood then " (#5.7.1)" else " (#4.7.1)")
        }
