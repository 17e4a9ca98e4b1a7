/// What tests say of values.
module Dkim.Conformance.Expect

open NUnit.Framework

let equal (expected: 'a) (actual: 'a) =
    Assert.That(box actual, Is.EqualTo(box expected))

let isTrue (actual: bool) (what: string) = Assert.That(actual, Is.True, what)

let contains (part: string) (text: string) = Assert.That(text, Does.Contain part)

let lacks (part: string) (text: string) =
    Assert.That(text, Does.Not.Contain part)

/// The value of a result that must be good.
let ok (result: Result<'a, 'e>) : 'a =
    match result with
    | Ok value -> value
    | Error error ->
        Assert.Fail(string (box error))
        Unchecked.defaultof<'a>

let error (result: Result<'a, 'e>) : 'e =
    match result with
    | Error error -> error
    | Ok _ ->
        Assert.Fail "should not have been accepted"
        Unchecked.defaultof<'e>
