/// The action for each kind of result: its defaults and its rows.
namespace Dkim.Core.Programs.Filters.Settings

open Dkim.Core.Records
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Filters.Values
open Dkim.Core.Programs.Filters.Values.Rows

module internal DispositionRows =
    let defaults: Dispositions =
        {
            BadSignature = Disposition.Accept
            DnsError = Disposition.TempFail
            InternalError = Disposition.TempFail
            NoSignature = Disposition.Accept
            Security = Disposition.TempFail
            SignatureMissing = Disposition.Accept
        }

    let private row name (get: Dispositions -> Disposition) put summary =
        Setting.make name DispositionCodecs.action get put
        |> key
        |> Setting.overlaps Overlap.Part
        |> Setting.says summary

    /// On-*.
    let parts: Setting<Dispositions> list =
        [
            { row "On-Default" _.Security (fun v _ -> DispositionCodecs.everyAction v) "what to do with all of these" with
                Show = fun _ -> []
            }
            |> Setting.overlaps Overlap.Blanket
            |> Setting.detail "It comes before the others, wherever it stands in the file."
            row
                "On-BadSignature"
                _.BadSignature
                (fun v s -> { s with BadSignature = v })
                "what to do with a message whose signature is bad"
            row
                "On-DNSError"
                _.DnsError
                (fun v s -> { s with DnsError = v })
                "what to do when a key cannot be had, or is not there"
            row
                "On-InternalError"
                _.InternalError
                (fun v s -> { s with InternalError = v })
                "what to do when something goes wrong here"
            row
                "On-NoSignature"
                _.NoSignature
                (fun v s -> { s with NoSignature = v })
                "what to do with a message without a signature, or with none that can count"
            row
                "On-Security"
                _.Security
                (fun v s -> { s with Security = v })
                "what to do with a message whose header is too large"
            Setting.inert
                "On-SignatureMissing"
                Arity.Once
                DispositionCodecs.action.Shape
                "Nothing has this result any more."
            |> key
            |> Setting.overlaps Overlap.Part
        ]

    /// -C: all actions at once.
    let whole (scheme: Scheme) : Setting<Dispositions> =
        { Setting.make "C" (DispositionCodecs.actions scheme defaults) id (fun v _ -> v) with
            Clear = fun _ -> defaults
        }
        |> letter 'C'
        |> Setting.overlaps Overlap.Whole
        |> Setting.complains "invalid action configuration"
        |> Setting.says "what to do with each result"
        |> Setting.detail
            "Results are badsignature (bad), dnserror (dns), internal (int), nosignature (no), security (sec) and default \
             (def), which stands for all; actions accept (a), discard (d), reject (r) and tempfail (t). They are taken from \
             the left to the right. All On- keys of the file then count no more."
