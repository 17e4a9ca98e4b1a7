namespace Dkim.ProxyHost.Dialogue;

/// <summary>Cuts the client's octets into command lines. Only CRLF ends a line; a line longer than the limit is read to
/// its end and forgotten.</summary>
internal sealed class CommandReader(int limit)
{
    private byte[] held = [];
    private int length;
    private bool tooLong;
    private byte last;

    /// <summary>
    /// Takes octets up to the end of a line. `line` is that line with its CRLF, valid until the next call, and empty
    /// while the end is still to come; a line that cannot be a command is `unfit`: too long, or with a bare CR or LF or
    /// a NUL.
    /// </summary>
    public int Read(ReadOnlySpan<byte> octets, out ReadOnlySpan<byte> line, out bool unfit)
    {
        line = default;
        unfit = false;
        var end = LineEnd(octets);
        if (end < 0)
        {
            Hold(octets);
            return octets.Length;
        }

        var piece = octets[..(end + 1)];
        if (length > 0 || tooLong)
        {
            Hold(piece);
            piece = held.AsSpan(0, length);
        }

        unfit = tooLong || piece.Length > limit || piece[..^2].IndexOfAny((byte)'\r', (byte)'\n', (byte)0) >= 0;
        line = unfit ? "\r\n"u8 : piece;
        length = 0;
        tooLong = false;
        last = 0;
        return end + 1;
    }

    // The LF of the first CRLF, whose CR may have come before.
    private int LineEnd(ReadOnlySpan<byte> octets)
    {
        for (var from = 0; ;)
        {
            var at = octets[from..].IndexOf((byte)'\n');
            if (at < 0)
                return -1;
            at += from;
            if ((at > 0 ? octets[at - 1] : last) == '\r')
                return at;
            from = at + 1;
        }
    }

    private void Hold(ReadOnlySpan<byte> piece)
    {
        if (piece.IsEmpty)
            return;
        last = piece[^1];
        tooLong |= piece.Length > limit - length;
        if (tooLong)
        {
            length = 0;
            return;
        }

        if (piece.Length > held.Length - length)
            Array.Resize(ref held, Math.Min(limit, Math.Max(length + piece.Length, held.Length * 2)));
        piece.CopyTo(held.AsSpan(length));
        length += piece.Length;
    }
}
