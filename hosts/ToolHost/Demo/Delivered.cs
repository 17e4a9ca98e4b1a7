using System.Text;

namespace Dkim.ToolHost.Demo;

/// <summary>A message as it arrived: what the proxies put on top, and the message as it was sent below.</summary>
/// <param name="Message">All octets, as they would be seen by the next hop.</param>
/// <param name="AddedText">The fields on top, one line end for each line.</param>
internal sealed record Delivered(ReadOnlyMemory<byte> Message, string AddedText)
{
    /// <exception cref="DemoException">The message was changed below the added fields.</exception>
    public static Delivered Create(byte[] received, ReadOnlySpan<byte> sent)
    {
        if (!received.AsSpan().EndsWith(sent))
        {
            throw new DemoException("the message arrived changed");
        }

        var added = Encoding.Latin1.GetString(received, 0, received.Length - sent.Length);
        return new Delivered(received, added.Replace("\r\n", "\n", StringComparison.Ordinal).TrimEnd('\n'));
    }
}

/// <summary>The demonstration cannot go on; the message says why.</summary>
internal sealed class DemoException(string message) : Exception(message);
