using Dkim.Core.Programs.Running;

namespace Dkim.ProxyHost.Dialogue;

/// <summary>Collects one reply of the relay, with all its lines, from pieces of any size (RFC 5321 §4.2). A reply is
/// handed on only when it is whole, so that a relay that dies within one leaves no half of it with the
/// client.</summary>
internal sealed class ReplyReader(int limit)
{
    private byte[] buffer = new byte[512];
    private int length;
    private int lineStart;

    /// <summary>The reply is whole.</summary>
    public bool Complete { get; private set; }

    /// <summary>What came is no reply: not three digits, a line end other than CRLF, or longer than the
    /// limit.</summary>
    public bool Malformed { get; private set; }

    /// <summary>The code of the last line.</summary>
    public int Code { get; private set; }

    /// <summary>The reply as it came.</summary>
    public ReadOnlySpan<byte> Octets => buffer.AsSpan(0, length);

    /// <summary>Makes ready for the next reply.</summary>
    public void Start()
    {
        length = 0;
        lineStart = 0;
        Complete = false;
    }

    /// <summary>Takes octets up to the end of a reply and tells how many.</summary>
    public int Read(ReadOnlySpan<byte> octets)
    {
        var taken = 0;
        while (taken < octets.Length && !Complete && !Malformed)
        {
            var rest = octets[taken..];
            var lineEnd = rest.IndexOf((byte)'\n');
            var piece = lineEnd < 0 ? rest : rest[..(lineEnd + 1)];
            taken += piece.Length;
            if (!Append(piece))
                Malformed = true;
            else if (lineEnd >= 0)
                EndLine();
        }

        return taken;
    }

    private bool Append(ReadOnlySpan<byte> piece)
    {
        if (piece.Length > limit - length)
            return false;
        if (piece.Length > buffer.Length - length)
            Array.Resize(ref buffer, Math.Min(limit, Math.Max(buffer.Length * 2, length + piece.Length)));
        piece.CopyTo(buffer.AsSpan(length));
        length += piece.Length;
        return true;
    }

    private void EndLine()
    {
        var line = buffer.AsSpan(lineStart, length - lineStart);
        lineStart = length;
        if (!line.EndsWith("\r\n"u8) || line[..^2].Contains((byte)'\r') || !TryCode(line, out var code))
        {
            Malformed = true;
            return;
        }

        Code = code;
        Complete = line[3] != '-';
    }

    private static bool TryCode(ReadOnlySpan<byte> line, out int code)
    {
        code = 0;
        if (line.Length < 5 || line[0] is < (byte)'2' or > (byte)'5')
            return false;
        if (line[3] is not ((byte)' ' or (byte)'-' or (byte)'\r'))
            return false;
        foreach (var digit in line[..3])
        {
            if (digit is < (byte)'0' or > (byte)'9')
                return false;
            code = code * 10 + digit - '0';
        }

        return true;
    }
}
