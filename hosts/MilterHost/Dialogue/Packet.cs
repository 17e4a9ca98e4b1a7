using System.Buffers;
using System.Buffers.Binary;
using Dkim.Core.Programs.Filters.Milter;

namespace Dkim.MilterHost.Dialogue;

/// <summary>Packets on the wire: four octets of length, most significant first, which count what follows; one octet
/// that says what it is; its data.</summary>
internal static class Packet
{
    /// <summary>Octets of the length.</summary>
    public const int LengthSize = 4;

    /// <summary>Octets before the data.</summary>
    public const int HeadSize = LengthSize + 1;

    /// <summary>The longest data of a packet with a piece of a body.</summary>
    public const int LongestPiece = 65535;

    /// <summary>The longest data of a packet with a field of a header, which may be as long as the MTA lets it.</summary>
    public const int LongestField = int.MaxValue - 1;

    /// <summary>Reads what a packet begins with, the command and the size of its data; false where more octets must come
    /// first, or with what is wrong where it cannot be one at this stage.</summary>
    public static bool TryHead(
        ReadOnlySpan<byte> input, Stage stage, out Command command, out int size, out string problem)
    {
        (command, size, problem) = (default, 0, "");
        if (input.Length < LengthSize)
            return false;
        var length = BinaryPrimitives.ReadUInt32BigEndian(input);
        if (length is 0 or > (uint)LongestField + 1)
            problem = $"a packet of {length} octets";
        if (problem.Length > 0 || input.Length < HeadSize)
            return false;
        command = (Command)input[LengthSize];
        size = (int)length - 1;
        if (!stage.Allows(command))
            problem = $"the command 0x{(byte)command:x2} is out of order";
        else if (size > LongestOf(command))
            problem = $"a packet of {length} octets with the command {(char)command}";
        return problem.Length == 0;
    }

    /// <summary>Appends a packet without data.</summary>
    public static void Write(IBufferWriter<byte> output, Reply reply)
    {
        Begin(output, reply, 0);
        End(output, 0);
    }

    /// <summary>Appends a packet.</summary>
    public static void Write(IBufferWriter<byte> output, Reply reply, ReadOnlySpan<byte> data)
    {
        data.CopyTo(Begin(output, reply, data.Length));
        End(output, data.Length);
    }

    /// <summary>Begins a packet and gives the room for its data, to be filled before <see cref="End"/>.</summary>
    public static Span<byte> Begin(IBufferWriter<byte> output, Reply reply, int size)
    {
        var packet = output.GetSpan(HeadSize + size);
        BinaryPrimitives.WriteInt32BigEndian(packet, size + 1);
        packet[LengthSize] = (byte)reply;
        return packet.Slice(HeadSize, size);
    }

    /// <summary>Ends the packet begun with the same size.</summary>
    public static void End(IBufferWriter<byte> output, int size) => output.Advance(HeadSize + size);

    private static int LongestOf(Command command) => command switch
    {
        Command.Field => LongestField,
        Command.Body => LongestPiece,
        _ => MilterLimits.Packet,
    };
}
