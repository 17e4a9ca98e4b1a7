/// What `--version` prints: which build of the program this is, and what it runs on.
namespace Dkim.Core.Programs.Running

/// What only the host can tell of a build and of the machine it runs on.
type BuildFacts =
    {
        /// As the build wrote it: the version, and behind a plus sign the commit, where it was built from a checkout.
        Stamp: string
        /// The runtime's name and version, as in `.NET 10.0.12`.
        Runtime: string
        /// It was compiled to native code, with the runtime inside.
        IsNative: bool
        /// What OpenSSL_version_num says of the library in use; nothing where there is none.
        OpenSsl: int64 voption
    }

module BuildFacts =
    /// What the option is for.
    [<Literal>]
    let internal Summary = "print version, commit, runtime and OpenSSL, and exit"

    /// The version behind a number of OpenSSL_version_num(3): 0xMNN00PP0 since 3.0, before that 0xMNNFFPPS, where the
    /// patch is a letter.
    let internal openSsl (number: int64) : string =
        let part (shift: int) = int (number >>> shift) &&& 0xff
        let major = int (number >>> 28) &&& 0xf
        let front = string major + "." + string (part 20) + "."

        if major >= 3 then
            front + string (part 4)
        else
            let letter =
                match part 4 with
                | patch when patch >= 1 && patch <= 26 -> string (char (int 'a' + patch - 1))
                | _ -> ""

            front + string (part 12) + letter

    /// A line for each fact; the first is the program's name and version.
    let describe (program: string) (facts: BuildFacts) : string =
        let version, commit =
            match facts.Stamp.IndexOf '+' with
            | -1 -> facts.Stamp, "unknown (not built from a checkout)"
            | at -> facts.Stamp.Substring(0, at), facts.Stamp.Substring(at + 1)

        let library =
            match facts.OpenSsl with
            | ValueSome number -> openSsl number
            | ValueNone -> "not found"

        [
            program + " " + version
            "commit " + commit
            "runtime " + facts.Runtime + (if facts.IsNative then ", native code" else "")
            "OpenSSL " + library
        ]
        |> List.map (fun line -> line + "\n")
        |> String.concat ""
