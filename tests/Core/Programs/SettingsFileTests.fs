/// How the settings files of proxies and milters are read, with the files that they include.
module Dkim.Conformance.SettingsFileTests

open NUnit.Framework
open Dkim.Core
open Dkim.Conformance

let private read style files path =
    let find path =
        files
        |> List.tryFind (fun (known, _) -> known = path)
        |> ValueOption.ofOption
        |> ValueOption.map (fun (_, text) -> Starts.contents text)

    SettingsFile.read style OutSettings.table find path

let private given (file: SettingsFile<OutSettings>) =
    file.Given |> List.map (fun given -> given.Setting.Name, given.Value)

let private proxy text =
    read NameAndValue [ "conf", text ] "conf"

let private filter text =
    read KeyAndToken [ "conf", text ] "conf"

[<TestCase("# listen a", "")>]
[<TestCase("   ", "")>]
[<TestCase("listen a # b", "a")>]
[<TestCase("listen a\\#b # c", "a#b")>]
[<TestCase("listen a\\b", "a\\b")>]
[<TestCase("listen a b", "a b")>]
[<TestCase("listen=a:1", "a:1")>]
[<TestCase("listen:a", "a")>]
[<TestCase("listen = = a", "= a")>]
[<TestCase("--listen a", "a")>]
[<TestCase("listen %41", "%41")>]
let ``lines of name and value`` (line: string, value: string) =
    let file = proxy line
    Expect.equal [] file.Problems
    Expect.equal (if value = "" then [] else [ "listen", value ]) (given file)

[<Test>]
let ``a comment directly behind a name leaves a bare name`` () =
    let file = proxy "daemonize # yes\nseal# too\n"
    Expect.equal [ "daemonize", "yes"; "seal", "yes" ] (given file)

[<TestCase("= a", "conf:1: ")>]
[<TestCase("\n\nlisten", "conf:3: listen: a value is missing")>]
[<TestCase("\r\nnonsense 1", "conf:2: nonsense: unknown setting")>]
[<TestCase("help", "conf:1: help: unknown setting")>]
[<TestCase("conf_file other", "conf:1: conf_file: unknown setting")>]
let ``problems have file and line`` (text: string, expected: string) =
    let file = proxy text
    Expect.equal 1 file.Problems.Length
    Expect.contains expected (Problem.describe file.Problems[0])

[<Test>]
let ``a value that cannot be has file, line, value and remedy`` () =
    let file = proxy "listen a\nconnect_timeout soon\n"
    let _, problems = Settings.apply [ file.Given ] OutSettings.defaults

    problems
    |> List.map Problem.describe
    |> Expect.equal
        [
            "conf:2: connect_timeout: 'soon': not a whole number (write connect_timeout SECONDS)"
        ]

[<Test>]
let ``keys of the filter's style count in any case, and a value is one word`` () =
    let file = filter "LISTEN  a # d\n\tRelay\tb#c\n#x\n"
    Expect.equal [] file.Problems
    Expect.equal [ "listen", "a"; "relay", "b" ] (given file)

[<TestCase("listen a b", "listen: 'a b': a value is one word", "as in a,b)")>]
[<TestCase("listen a, b , c # d", "listen: 'a, b , c'", "as in a,b,c)")>]
[<TestCase("listen \"a\"", "a value has no quotes", "(write listen a)")>]
[<TestCase("listen 'a b'", "listen: ''a b'': a value has no quotes", "(write listen a b)")>]
[<TestCase("Include a b", "Include: 'a b': a value is one word", "as in a,b)")>]
[<TestCase("lisen a", "lisen: unknown setting", "(is listen meant?)")>]
[<TestCase("Inclde a", "Inclde: unknown setting", "(is Include meant?)")>]
[<TestCase("zzzzzz a", "zzzzzz: unknown setting", "lists every setting)")>]
let ``what a line of the filter's style cannot mean is told with what could be meant`` (line: string, fault, remedy) =
    let told = (filter ("\n" + line)).Problems |> List.map Problem.describe
    Expect.equal 1 told.Length
    Expect.contains ("conf:2: " + (line.Split ' ')[0]) told[0]
    Expect.contains fault told[0]
    Expect.contains remedy told[0]

[<Test>]
let ``a key of the filter's style needs its value`` () =
    let file = filter "Listen\nseal\nInclude # x\n"
    Expect.equal [ MissingValue; MissingValue; MissingValue ] (file.Problems |> List.map _.Fault)

[<Test>]
let ``lines of the filter's style have any length`` () =
    let long = System.String('x', 25000)
    let file = filter ("#" + long + "\nlisten " + long + "\n")
    Expect.equal [] file.Problems
    Expect.equal [ "listen", long ] (given file)

[<Test>]
let ``included files act in place and are asked for first`` () =
    let files = [ "a", "listen 1\nInclude b\nuser 3\n"; "b", "relay 2\n" ]
    let before = read KeyAndToken (List.truncate 1 files) "a"
    Expect.equal [ "b" ] before.Wanted
    let after = read KeyAndToken files "a"
    Expect.equal [] after.Wanted
    Expect.equal [ "listen", "1"; "relay", "2"; "user", "3" ] (given after)

[<Test>]
let ``files nest five levels and no further`` () =
    let nested last =
        [ for level in 0..last -> string level, "Include " + string (level + 1) + "\n" ]
        @ [ string (last + 1), "listen x\n" ]

    let good = read KeyAndToken (nested 4) "0"
    Expect.equal ([ "listen", "x" ], []) (given good, good.Problems)
    let bad = read KeyAndToken (nested 5) "0"
    Expect.equal ([], [ NestedTooDeep ]) (given bad, bad.Problems |> List.map _.Fault)

[<Test>]
let ``a file that includes itself many times ends`` () =
    let text = String.replicate 50 "Include a\n"
    let file = read KeyAndToken [ "a", text ] "a"
    Expect.isTrue (file.Problems |> List.exists (fun problem -> problem.Fault = NestedTooDeep)) "bounded"

[<Test>]
let ``a file that is not UTF-8 is read all the same`` () =
    let octets = System.ReadOnlyMemory(Octets.ofLatin1 "domain m\u00fcnchen.example")

    let file =
        SettingsFile.read NameAndValue OutSettings.table (fun _ -> ValueSome(FileContents.Found octets)) "conf"

    Expect.equal [ "domain", "m\u00fcnchen.example" ] (given file)
