using System.Text;

namespace Dkim.ToolHost.Demo;

/// <summary>A message as it arrived: what the proxies put on top, and below it what they left as it was sent.</summary>
/// <param name="Message">All octets, as they would be seen by the next hop.</param>
/// <param name="AddedText">What stands above the octets that arrived as sent, one line end for each line.</param>
/// <param name="Whole">Everything that was sent arrived. Results that only forgers write do not.</param>
internal sealed record Delivered(ReadOnlyMemory<byte> Message, string AddedText, bool Whole)
{
    public static Delivered Create(ReadOnlySpan<byte> received, ReadOnlySpan<byte> sent)
    {
        var same = 0;
        while (same < Math.Min(received.Length, sent.Length) && received[^(same + 1)] == sent[^(same + 1)])
        {
            same++;
        }

        var added = Encoding.Latin1.GetString(received[..^same]).Replace("\r\n", "\n", StringComparison.Ordinal);
        return new Delivered(received.ToArray(), added.TrimEnd('\n'), same == sent.Length);
    }
}

/// <summary>The demonstration cannot go on; the message says why.</summary>
internal sealed class DemoException(string message) : Exception(message);
