using System.Buffers;
using System.Text;
using Dkim.Core.Programs.Proxies.Smtp;
using Dkim.Core.Words;

namespace Dkim.ProxyHost.Dialogue;

/// <summary>The relay's answer to EHLO, less the extensions that cannot pass through here. Every other line goes on octet
/// for octet.</summary>
internal static class EhloReply
{
    /// <summary>Appends the reply without those lines; tells whether the relay takes pipelined commands (RFC
    /// 2920).</summary>
    /// <param name="reply">A whole reply, each line ended by CRLF.</param>
    public static bool Write(ReadOnlySpan<byte> reply, IBufferWriter<byte> output)
    {
        var pipelining = false;
        var first = true;
        var held = default(ReadOnlySpan<byte>); // the last line kept: only when the next is known is its mark known
        while (!reply.IsEmpty)
        {
            var line = reply[..(reply.IndexOf((byte)'\n') + 1)];
            reply = reply[line.Length..];
            var keyword = Keyword(line);
            if (!first && !SmtpExtensions.Passes(keyword))
                continue;
            pipelining |= !first && Ascii.EqualsIgnoreCase(keyword, "PIPELINING"u8);
            first = false;
            WriteLine(held, '-', output);
            held = line;
        }

        WriteLine(held, ' ', output);
        return pipelining;
    }

    private static ReadOnlySpan<byte> Keyword(ReadOnlySpan<byte> line)
    {
        var text = line.Length > 6 ? line[4..^2] : default;
        var end = text.IndexOfAny((byte)' ', (byte)'\t');
        return end < 0 ? text : text[..end];
    }

    private static void WriteLine(ReadOnlySpan<byte> line, char mark, IBufferWriter<byte> output)
    {
        if (line.IsEmpty)
            return;
        var copy = output.GetSpan(line.Length);
        line.CopyTo(copy);
        if (line.Length > 5)
            copy[3] = (byte)mark;
        output.Advance(line.Length);
    }
}
