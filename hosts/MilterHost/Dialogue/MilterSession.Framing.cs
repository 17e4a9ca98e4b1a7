namespace Dkim.MilterHost.Dialogue;

// Packets out of a stream: whole ones are heard, the pieces of a body as they come, and what is not kept is passed over.
internal sealed partial class MilterSession
{
    // What is known of a long field before it is decided that it is not kept: more than any name that counts.
    private const int LongestStart = 256;

    // Of a packet that has begun: its octets that are held, or that are still to be passed over.
    private int awaited;
    private int skipLeft;
    private int pieceLeft;
    private bool inPiece;

    /// <summary>Hears what the MTA says and gives the number of octets used. The rest is the beginning of a packet, of
    /// which more must come, or, while <see cref="Waiting"/> or <see cref="Paused"/>, what is heard later.</summary>
    public int Receive(ReadOnlySpan<byte> input)
    {
        var left = input;
        Paused = false;
        while (!Closed && !Waiting && !Paused && (inPiece ? TakePiece(ref left)
            : skipLeft > 0 ? PassOver(ref left)
            : TakePacket(ref left)))
        {
        }

        return input.Length - left.Length;
    }

    private bool TakePacket(ref ReadOnlySpan<byte> input)
    {
        if (!Packet.TryHead(input, stage, out var command, out var size, out var problem))
            return problem.Length > 0 && Break(problem);
        if (command == Command.Body)
        {
            input = input[Packet.HeadSize..];
            (inPiece, pieceLeft) = (true, size);
            return true;
        }

        if (input.Length - Packet.HeadSize < size)
            return Await(command, size, ref input);
        holding.Remove(awaited);
        awaited = 0;
        var data = input.Slice(Packet.HeadSize, size);
        input = input[(Packet.HeadSize + size)..];
        return Hear(command, data);
    }

    // A packet of which more is to come: true where it is not waited for, but passed over.
    private bool Await(Command command, int size, ref ReadOnlySpan<byte> input)
    {
        if (awaited > 0)
            return false;
        if (command == Command.Field && !message!.WouldKeep(size))
        {
            var start = input[Packet.HeadSize..];
            if (start.Length < Math.Min(size, LongestStart))
                return false;
            message.LongField(start, size);
            return BeginToPassOver(size, ref input);
        }

        if (holding.TryAdd(size))
        {
            awaited = size;
            return false;
        }

        if (command != Command.Field)
            return Break(NoRoom);
        message!.Fail(NoRoom);
        return BeginToPassOver(size, ref input);
    }

    private bool BeginToPassOver(int size, ref ReadOnlySpan<byte> input)
    {
        skipLeft = size;
        input = input[Packet.HeadSize..];
        return true;
    }

    private bool PassOver(ref ReadOnlySpan<byte> input)
    {
        var length = Math.Min(skipLeft, input.Length);
        input = input[length..];
        skipLeft -= length;
        if (skipLeft > 0)
            return false;
        stage = Stage.Header;
        return React(Command.Field);
    }

    // A piece of a body is used as it comes, so that no buffer has to hold it.
    private bool TakePiece(ref ReadOnlySpan<byte> input)
    {
        var length = Math.Min(pieceLeft, input.Length);
        try
        {
            message!.Feed(input[..length]);
        }
        catch (Exception failure)
        {
            Fail(failure);
        }

        input = input[length..];
        pieceLeft -= length;
        inPiece = pieceLeft > 0;
        return !inPiece && React(Command.Body);
    }
}
