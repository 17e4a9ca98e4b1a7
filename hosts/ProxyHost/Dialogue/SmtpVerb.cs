using System.Text;
using Dkim.Core.Canonicalization;
using Dkim.Core.Programs.Proxies.Smtp;

namespace Dkim.ProxyHost.Dialogue;

/// <summary>The commands that a dialogue treats apart; all others only pass.</summary>
internal enum SmtpVerb
{
    /// <summary>Passes, and its reply is awaited before anything more is sent on.</summary>
    Other,

    /// <summary>May be followed at once by more commands (RFC 2920 §3.1): RCPT, RSET.</summary>
    Pipelined,

    /// <summary>The same, with parameters that may not pass.</summary>
    Mail,
    Auth,
    Data,
    Ehlo,
    Quit,

    /// <summary>Never passes: STARTTLS, BDAT and their like.</summary>
    Withheld,
}

internal static class SmtpVerbs
{
    /// <summary>The verb of a line: its first word in any case, as next hops take it that overlook leading
    /// blanks.</summary>
    public static SmtpVerb Of(ReadOnlySpan<byte> line)
    {
        var start = 0;
        while (start < line.Length && line[start] <= ' ')
            start++;
        var end = start;
        while (end < line.Length && line[end] > ' ')
            end++;
        var word = line[start..end];
        return word.Length switch
        {
            4 when Is(word, "MAIL"u8) => SmtpVerb.Mail,
            4 when Is(word, "RCPT"u8) || Is(word, "RSET"u8) => SmtpVerb.Pipelined,
            4 when Is(word, "DATA"u8) => SmtpVerb.Data,
            4 when Is(word, "EHLO"u8) || Is(word, "LHLO"u8) => SmtpVerb.Ehlo,
            4 when Is(word, "QUIT"u8) => SmtpVerb.Quit,
            4 when Is(word, "AUTH"u8) => SmtpVerb.Auth,
            _ when SmtpExtensions.IsWithheld(word) => SmtpVerb.Withheld,
            _ => SmtpVerb.Other,
        };
    }

    /// <summary>What of a line may be shown: of AUTH no more than the mechanism.</summary>
    public static ReadOnlySpan<byte> WithoutSecrets(ReadOnlySpan<byte> line)
    {
        if (Of(line) != SmtpVerb.Auth)
            return line;
        var verb = line.IndexOfAnyExcept((byte)' ', (byte)'\t');
        var blank = line[verb..].IndexOfAny((byte)' ', (byte)'\t');
        var mechanism = blank < 0 ? line.Length : verb + blank + 1;
        var end = line[mechanism..].IndexOfAny((byte)' ', (byte)'\t');
        return end < 0 ? line : line[..(mechanism + end)];
    }

    private static bool Is(ReadOnlySpan<byte> word, ReadOnlySpan<byte> verb) => Ascii.EqualsIgnoreCase(word, verb);
}
