using Dkim.Core.Programs.Proxies.Shared;
using Dkim.Core.Programs.Running;

namespace Dkim.ProxyHost.Dialogue;

/// <summary>
/// Reads the text after 354 as it comes in pieces of any size: finds the one end, CRLF . CRLF (RFC 5321 §4.1.1.4),
/// removes the stuffed dots (§4.5.2), and notices line ends that are none. Nothing of a line is kept but two octets.
/// </summary>
internal sealed class MessageReader(BareNewlines bareNewlines)
{
    private enum At
    {
        LineStart,
        Text,
        Cr,
        Dot,
        DotCr,
    }

    private At at = At.LineStart;
    private long lineLength;

    /// <summary>A bare CR or LF was met and is not to be normalized: what follows is spoilt.</summary>
    public bool Broken { get; private set; }

    /// <summary>Octets of the longest line so far, without its CRLF.</summary>
    public long LongestLine { get; private set; }

    /// <summary>Makes ready for the next message.</summary>
    public void Start()
    {
        at = At.LineStart;
        lineLength = 0;
        Broken = false;
        LongestLine = 0;
    }

    /// <summary>Takes octets up to the end of the message and tells how many; `ended` when that end was among
    /// them.</summary>
    public int Read(ReadOnlySpan<byte> octets, IDialogueSink sink, out bool ended)
    {
        ended = false;
        var next = 0;
        var run = 0; // the start of what is read but not yet given to the sink
        while (next < octets.Length)
        {
            switch (at)
            {
                case At.LineStart:
                    at = At.Text;
                    if (octets[next] == '.')
                    {
                        Give(octets[run..next], sink);
                        run = ++next;
                        at = At.Dot;
                    }

                    break;

                case At.Text:
                    next = ReadLine(octets, ref run, next, sink);
                    break;

                case At.Cr when octets[next] == '\n':
                    Give("\r\n"u8, sink);
                    EndLine();
                    run = ++next;
                    break;

                case At.Dot when octets[next] == '\r':
                    run = ++next;
                    at = At.DotCr;
                    break;

                case At.DotCr when octets[next] == '\n':
                    ended = true;
                    return next + 1;

                case At.Dot: // the line goes on: its first dot was stuffing
                    at = At.Text;
                    break;

                case At.Cr:
                case At.DotCr: // the CR was bare; this octet is looked at again as text
                    GiveBare(sink);
                    break;
            }
        }

        Give(octets[run..next], sink);
        return next;
    }

    private int ReadLine(ReadOnlySpan<byte> octets, ref int run, int next, IDialogueSink sink)
    {
        var length = octets[next..].IndexOfAny((byte)'\r', (byte)'\n');
        if (length < 0)
        {
            lineLength += octets.Length - next;
            return octets.Length;
        }

        lineLength += length;
        next += length;
        if (octets[next] == '\r' && next + 1 < octets.Length && octets[next + 1] == '\n')
        {
            EndLine();
            return next + 2;
        }

        Give(octets[run..next], sink);
        run = next + 1;
        if (octets[next] == '\r' && run == octets.Length)
            at = At.Cr;
        else
            GiveBare(sink);
        return run;
    }

    private void EndLine()
    {
        LongestLine = Math.Max(LongestLine, lineLength);
        lineLength = 0;
        at = At.LineStart;
    }

    // What follows is not the start of an SMTP line, so a dot there is text and no end (and is stuffed on the way out).
    private void GiveBare(IDialogueSink sink)
    {
        Broken |= bareNewlines == BareNewlines.Reject;
        Give("\r\n"u8, sink);
        EndLine();
        at = At.Text;
    }

    private void Give(ReadOnlySpan<byte> octets, IDialogueSink sink)
    {
        if (octets.IsEmpty)
            return;
        if (Broken)
            sink.Spoilt(octets);
        else
            sink.Text(octets);
    }
}
