using System.Buffers;

namespace Dkim.ProxyHost.Dialogue;

/// <summary>Doubles the dot at the start of each line on the way out and makes the end of the message (RFC 5321
/// §4.5.2). The text has only CRLF line ends and may come in pieces.</summary>
internal struct DotStuffer
{
    private bool midLine;

    /// <summary>Appends the stuffed piece.</summary>
    public void Write(ReadOnlySpan<byte> text, IBufferWriter<byte> output)
    {
        if (text.IsEmpty)
            return;
        if (!midLine && text[0] == '.')
            output.Write("."u8);
        midLine = text[^1] != '\n';
        for (; ; )
        {
            var dotted = text.IndexOf("\n."u8);
            if (dotted < 0)
                break;
            output.Write(text[..(dotted + 2)]);
            output.Write("."u8);
            text = text[(dotted + 2)..];
        }

        output.Write(text);
    }

    /// <summary>Appends the final dot, on a line of its own.</summary>
    public readonly void End(IBufferWriter<byte> output) => output.Write(midLine ? "\r\n.\r\n"u8 : ".\r\n"u8);
}
