/// What a program can reach: every member that its entry point calls, by any number of steps.
///
/// Whatever may be called counts as called: of a class that is made, every method that a base class or an interface could
/// call (so that a closure that is made is run); of a value that is read, all that its file does at the start.
module Dkim.Tests.Conformance.Reach

open System.Collections.Generic
open Dkim.Tests.Conformance.Mentions

/// The members that can be reached from some of the members of the assemblies.
let from (assemblies: Contents list) (roots: Member seq) : HashSet<Member> =
    let codes = Dictionary<Member, Code list>()
    let virtuals = Dictionary<string, Member list>()

    let add (table: Dictionary<'key, 'value list>) key value =
        match table.TryGetValue key with
        | true, known -> table[key] <- value :: known
        | _ -> table[key] <- [ value ]

    for code in assemblies |> List.collect _.Codes do
        add codes code.Member code

        if code.IsVirtual then
            add virtuals code.Member.Type code.Member

    let structs = HashSet(assemblies |> List.collect _.Structs)
    let reached = HashSet<Member>()
    let waiting = Queue<Member>()
    let named = HashSet<string>()
    let made = HashSet<string>()

    let reach (found: Member) =
        if reached.Add found then
            waiting.Enqueue found

    let make (name: string) =
        if made.Add name then
            match virtuals.TryGetValue name with
            | true, members -> List.iter reach members
            | _ -> ()

    let touch (name: string) =
        if named.Add name then
            reach { Type = name; Name = ".cctor" }

            if structs.Contains name then
                make name

    Seq.iter reach roots

    while waiting.Count > 0 do
        let found = waiting.Dequeue()
        touch found.Type

        if found.Name = ".ctor" then
            make found.Type

        match codes.TryGetValue found with
        | true, overloads ->
            for mention in overloads |> List.collect _.Mentions do
                match mention with
                | Calls other
                | Reads other -> reach other
                | Names name -> touch name
        | _ -> ()

    // A value may be read at its field, past its accessor.
    for KeyValue(found, overloads) in codes do
        let isRead (code: Code) =
            code.IsAccessor
            && code.IsStatic
            && code.Mentions
               |> List.exists (fun mention ->
                   match mention with
                   | Reads field -> reached.Contains field
                   | Calls _
                   | Names _ -> false)

        if List.exists isRead overloads then
            reached.Add found |> ignore

    reached

// A closure or a state machine is of the member that it stands in; what starts or makes a type is of the type.
let private isWritten (code: Code) =
    let text = code.Member.Type + code.Member.Name

    not code.IsGenerated
    && not (text.Contains '<' || text.Contains '@')
    && not (code.Member.Name.StartsWith '.')

/// The members of the assemblies that are not among those reached. Reading what a value holds is no use of it, so that a field
/// of a record may be there for readers alone.
let unreached (reached: HashSet<Member>) (assemblies: Contents list) : Member list =
    assemblies
    |> List.collect _.Codes
    |> List.filter (fun code ->
        isWritten code
        && not (reached.Contains code.Member)
        && not (code.IsAccessor && not code.IsStatic))
    |> List.map _.Member
    |> List.distinct
