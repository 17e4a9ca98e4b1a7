using System.Net.Sockets;
using System.Text;
using Dkim.Core.Dns;
using Dkim.Core.Message;
using Dkim.Core.Programs.Settings;
using Dkim.Core.Words;
using DnsClient;
using DnsClient.Protocol;
using DnsClient.Protocol.Options;

namespace Dkim.Hosting.Resolving;

/// <summary>What a reply that DnsClient has read is worth: the package looks at its number alone.</summary>
internal static class DnsClientReply
{
    /// <summary>A question as the package takes it.</summary>
    // In capitals, since the package decodes a label that begins with xn-- in every reply and throws where it cannot.
    public static DnsQuestion QuestionFor(Question question) => new(
        question.Name.Replace("xn--", "XN--", StringComparison.OrdinalIgnoreCase), (QueryType)(int)question.Type);

    /// <summary>Why a reply is no answer to the question, in a word; null when it is one.</summary>
    public static string? Problem(IDnsQueryResponse reply, DnsQuestion question)
    {
        // HasQuery is the package's name for the bit QR, which replies have set.
        if (!reply.Header.HasQuery || reply.Header.OPCode != DnsOpCode.Query || reply.Questions is not [var echoed]
            || echoed.QuestionType != question.QuestionType || echoed.QuestionClass != question.QuestionClass
            || !IsSame(echoed.QueryName.Original, question.QueryName.Value))
        {
            return "broken reply";
        }

        if (reply.Header.ResultTruncated)
        {
            // By TCP as well: nothing says what is missing.
            return "broken reply";
        }

        // The upper octet of the RCODE is in the OPT record (RFC 6891 §6.1.3).
        var extended = reply.Additionals.OfType<OptRecord>().FirstOrDefault()?.InitialTimeToLive ?? 0;
        var rcode = (int)reply.Header.ResponseCode | ((extended >>> 24) << 4);
        return rcode is 0 or 3 ? null : Rcode.Name(rcode);
    }

    /// <summary>Follows the aliases of a reply from a name to the last of them.</summary>
    /// <param name="name">The name to begin with; the last one of the chain in the end.</param>
    /// <param name="records">Gets the records of that name.</param>
    /// <param name="timeToLive">Lowered to the shortest of all records used, in seconds.</param>
    /// <returns>False when the aliases do not end.</returns>
    public static bool TryFollow(IDnsQueryResponse reply, ref string name, Records records, ref int timeToLive)
    {
        for (var hop = 0; hop <= ResolverLimits.Aliases; hop++)
        {
            var alias = default(CNameRecord);
            foreach (var answer in reply.Answers)
            {
                if (answer.RecordClass != QueryClass.IN || !IsSame(answer.DomainName.Original, name))
                {
                    continue;
                }

                if ((int)answer.RecordType == (int)records.Type)
                {
                    Add(records, answer);
                    timeToLive = Math.Min(timeToLive, Math.Max(0, answer.InitialTimeToLive));
                }

                alias ??= answer as CNameRecord;
            }

            if (!records.IsEmpty || alias is null)
            {
                return true;
            }

            timeToLive = Math.Min(timeToLive, Math.Max(0, alias.InitialTimeToLive));
            name = alias.CanonicalName.Value.TrimEnd('.').ToLowerInvariant();
        }

        return false;
    }

    /// <summary>How long an answer without records stays true: as long as the zone's SOA says, and not at all without one
    /// (RFC 2308 §5).</summary>
    public static int NegativeTimeToLive(IDnsQueryResponse reply) =>
        reply.Authorities.OfType<SoaRecord>()
            .Select(soa => (int)Math.Clamp(Math.Min(soa.InitialTimeToLive, (long)soa.Minimum), 0, int.MaxValue))
            .DefaultIfEmpty(0)
            .Min();

    /// <summary>Why there was no reply that could be read, in a word.</summary>
    public static string Describe(Exception failure) => failure switch
    {
        OperationCanceledException or DnsResponseException { Code: DnsResponseCode.ConnectionTimeout } => "timeout",
        DnsResponseException { InnerException: SocketException { SocketErrorCode: SocketError.TooManyOpenSockets } } =>
            "no free descriptor",
        DnsResponseException { InnerException: SocketException } => "no server",
        _ => "broken reply",
    };

    private static bool IsSame(string found, string wanted) =>
        found.AsSpan().TrimEnd('.').Equals(wanted.AsSpan().TrimEnd('.'), StringComparison.OrdinalIgnoreCase);

    private static void Add(Records records, DnsResourceRecord answer)
    {
        switch (answer)
        {
            case TxtRecord txt when records.Fits(txt.RawDataLength):
                var texts = txt.Text.ToArray();
                records.AddText(string.Concat(txt.EscapedText.Select((escaped, i) => TxtText.Octets(texts[i], escaped))));
                break;
            case AddressRecord address:
                records.AddOther(address.Address.ToString());
                break;
            case NsRecord server:
                records.AddOther(server.NSDName.Original.TrimEnd('.').ToLowerInvariant());
                break;
            case not TxtRecord:
                records.AddOther("");
                break;
        }
    }
}

/// <summary>The octets of a string of a TXT record, from the two forms in which the package gives it: as UTF-8, where
/// U+FFFD stands for what is none, and escaped, where a backslash of the string itself is not escaped.</summary>
internal static class TxtText
{
    private const int EscapeLength = 4;

    /// <summary>The octets, as Latin-1 text.</summary>
    public static string Octets(string text, string escaped)
    {
        if (System.Text.Ascii.IsValid(text))
        {
            return text;
        }

        if (!text.Contains('\uFFFD'))
        {
            return Encoding.Latin1.GetString(Encoding.UTF8.GetBytes(text));
        }

        var octets = new StringBuilder(escaped.Length);
        var at = 0;
        for (var i = 0; i < text.Length;)
        {
            if (text[i] < 0x80)
            {
                octets.Append(text[i]);
                at += text[i] is < ' ' or '\x7f' ? EscapeLength : IsEscaped(escaped.AsSpan(at), text[i]) ? 2 : 1;
                i++;
                continue;
            }

            for (; i < text.Length && text[i] >= 0x80; i++)
            {
            }

            // The string itself may go on with what looks like one more escape.
            var count = CountEscapes(escaped.AsSpan(at)) - CountEscapes(text.AsSpan(i));
            for (var k = 0; k < count; k++, at += EscapeLength)
            {
                octets.Append(Value(escaped.AsSpan(at)));
            }
        }

        return octets.ToString();
    }

    // Which characters have a backslash before them is not the same in all forms that the package has.
    private static bool IsEscaped(ReadOnlySpan<char> escaped, char c) =>
        c is ';' or '"' && escaped.Length > 1 && escaped[0] == '\\' && escaped[1] == c;

    private static int CountEscapes(ReadOnlySpan<char> text)
    {
        var count = 0;
        for (; Value(text) >= 0x80; text = text[EscapeLength..])
        {
            count++;
        }

        return count;
    }

    // A backslash and three digits; 0 where there is none.
    private static char Value(ReadOnlySpan<char> text) =>
        text.Length >= EscapeLength && text[0] == '\\' && byte.TryParse(text[1..EscapeLength], out var value) ? (char)value : '\0';
}
