/// resolv.conf(5): the name servers of this machine.
namespace Dkim.Core.Dns

open System.Net
open FParsec
open Dkim.Core.Words

/// What resolv.conf(5) says of name servers. Names are always complete here, so that its search list does not count.
type ResolvConf =
    {
        /// The first three, as for the C library; none where the file names none.
        Servers: IPAddress list
        /// `options trust-ad`: the AD bit of these servers can be believed.
        TrustAd: bool
    }

module ResolvConf =
    /// More are not asked (resolv.conf(5), MAXNS).
    [<Literal>]
    let MostServers = 3

    // A file that was edited elsewhere has a CR at the end of each line.
    let private isBlank (c: char) = c = ' ' || c = '\t' || c = '\r'

    /// `blanks = *( SP / HTAB / CR )`. By hand, as the end of a line, because FParsec takes CR for an end of line.
    let private blanks: Grammar.Parser<unit> =
        fun stream ->
            while isBlank (stream.Peek()) do
                stream.Skip()

            Reply(())

    let private lineEnd: Grammar.Parser<unit> =
        fun stream ->
            if stream.Skip '\n' then
                Reply(())
            else
                Reply(ReplyStatus.Error, expected "LF")

    let private word: Grammar.Parser<string> =
        many1SatisfyL (fun c -> not (isBlank c) && c <> '\n') "a word"

    /// `line = blanks *( word blanks )`
    let private line: Grammar.Parser<string list> = blanks >>. many (word .>> blanks)

    /// `file = line *( LF line )`
    let private file: Grammar.Parser<string list list> = sepBy line lineEnd

    /// `nameserver ADDRESS`; what stands behind the address is passed over.
    let private serverOf (words: string list) =
        match words with
        | "nameserver" :: address :: _ ->
            match IPAddress.TryParse address with
            | true, server -> Option.ofObj server
            | false, _ -> None
        | _ -> None

    /// `options trust-ad`
    let private trustsAd (words: string list) =
        match words with
        | "options" :: options -> List.contains "trust-ad" options
        | _ -> false

    /// Reads the file's text, of which no more counts than `ResolverLimits.ResolvConfOctets`. Lines that mean nothing are
    /// passed over, as the C library does.
    let parse (text: string) : ResolvConf =
        let bounded =
            if text.Length > ResolverLimits.ResolvConfOctets then
                text.Substring(0, ResolverLimits.ResolvConfOctets)
            else
                text

        let lines = Grammar.parseAll file bounded |> Result.defaultValue []

        {
            Servers = lines |> List.choose serverOf |> List.truncate MostServers
            TrustAd = lines |> List.exists trustsAd
        }
