/// What an MTA may say, in any order, and what it ought to hear.
namespace Dkim.Properties

/// A packet of an MTA.
type internal Said =
    | Macros of char
    | Connect
    | Ignored
    | Helo
    | Mail of Fate
    | Recipient
    | Data
    | Field
    | EndOfHeader
    | Piece of int
    | EndOfBody
    | Abort
    | QuitForAnother
    | Quit
    | Unknown
    | Again
    | Junk

module internal Said =
    let octetsOf (said: Said) =
        match said with
        | Macros stage -> Packets.packet 'D' (Packets.texts [ string stage + "i"; "Q1"; "{daemon_name}"; "MTA" ])
        | Connect -> Packets.connect
        | Ignored -> Packets.packet 'C' (Packets.text "ignored\000U")
        | Helo -> Packets.packet 'H' (Packets.texts [ "client" ])
        | Mail fate -> Packets.packet 'M' (Packets.texts [ Fates.sender fate; "SIZE=1" ])
        | Recipient -> Packets.packet 'R' (Packets.texts [ "<b@example.net>" ])
        | Data -> Packets.packet 'T' [||]
        | Field -> Packets.field "Subject" " one\n two"
        | EndOfHeader -> Packets.packet 'N' [||]
        | Piece length -> Packets.packet 'B' (Array.create length 120uy)
        | EndOfBody -> Packets.packet 'E' [||]
        | Abort -> Packets.packet 'A' [||]
        | QuitForAnother -> Packets.packet 'K' [||]
        | Quit -> Packets.packet 'Q' [||]
        | Unknown -> Packets.packet 'U' (Packets.texts [ "VRFY" ])
        | Again -> Packets.negotiate 6u 0x1ffu 0x1fffffu
        | Junk -> Packets.packet 'X' [||]

/// The dialogue as a person would describe it: what may follow what, and what is answered.
module internal MilterModel =
    type Stage =
        | Negotiated
        | Connected
        | Envelope
        | Header
        | Body

    type State =
        {
            Stage: Stage
            Ignored: bool
            Fate: Fate
            Final: char voption
            Skipped: bool
            Closed: bool
        }

    let start =
        {
            Stage = Negotiated
            Ignored = false
            Fate = Early
            Final = ValueNone
            Skipped = false
            Closed = false
        }

    let private early fate =
        match fate with
        | Early
        | Choosing true -> ValueSome 'y'
        | FailsAtHeader
        | ChangesTooEarly -> ValueSome 't'
        | _ -> ValueNone

    let private late fate =
        match fate with
        | Late _
        | Choosing false -> "a"
        | _ -> "t"

    let private connected (state: State) =
        { start with
            Stage = if state.Stage = Negotiated then Negotiated else Connected
            Ignored = state.Ignored
        }

    /// A reply that may be silent, to a command that is not the last.
    let private reply steps silent (state: State) =
        match state.Final with
        | _ when steps &&& silent <> 0u -> struct (state, "")
        | ValueSome final -> connected state, string final
        | ValueNone -> state, "c"

    let private closed (state: State) =
        struct ({ state with Closed = true }, "")

    let private piece steps (state: State) =
        if
            steps &&& 0x80000u = 0u
            && steps &&& 0x400u <> 0u
            && state.Final.IsNone
            && not state.Skipped
            && not (Fates.wantsBody state.Fate)
        then
            struct ({ state with Skipped = true }, "s")
        else
            reply steps 0x80000u state

    let step (steps: uint32) (state: State) (said: Said) : struct (State * string) =
        match said, state.Stage with
        | _ when state.Closed -> state, ""
        | Quit, _ -> closed state
        | Macros _, _ -> state, ""
        | Abort, _ -> connected state, ""
        | QuitForAnother, _ -> start, ""
        | Ignored, Negotiated ->
            let next =
                { state with
                    Stage = Connected
                    Ignored = true
                }

            next, (if steps &&& 0x1000u = 0u then "a" else "")
        | Connect, Negotiated ->
            reply
                steps
                0x1000u
                { state with
                    Stage = Connected
                    Ignored = false
                }
        | _, Negotiated -> closed state
        | Helo, _ -> reply steps 0x2000u (connected state)
        | Unknown, _ -> reply steps 0x20000u state
        | Mail fate, _ ->
            reply
                steps
                0x4000u
                { connected state with
                    Stage = Envelope
                    Fate = fate
                    Final = if state.Ignored then ValueSome 'a' else ValueNone
                }
        | Recipient, Envelope -> reply steps 0x8000u state
        | Data, Envelope -> reply steps 0x10000u state
        | Field, (Envelope | Header) -> reply steps 0x80u { state with Stage = Header }
        | EndOfHeader, (Envelope | Header) ->
            reply
                steps
                0x40000u
                { state with
                    Stage = Body
                    Final = if state.Final.IsSome then state.Final else early state.Fate
                }
        | Piece _, Body -> piece steps state
        | EndOfBody, Body ->
            connected state,
            match state.Final with
            | ValueSome final -> string final
            | ValueNone -> late state.Fate
        | _ -> closed state
