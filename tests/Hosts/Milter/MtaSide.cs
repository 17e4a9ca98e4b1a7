using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Dkim.Tests.Hosts.Milter;

/// <summary>How a milter ended a message: the letter of its last reply, and what it inserted before.</summary>
internal sealed record Judgement(char End, IReadOnlyList<string> Inserted);

/// <summary>The MTA's side of one connection to a milter, without an MTA: version 6 of the protocol, one message after the
/// other, everything of a message in one write.</summary>
internal sealed class MtaSide : IDisposable
{
    private const uint AllSteps = 0x1FFFFF;
    private const uint QuietStages = 0x80 | 0x1000 | 0x2000 | 0x4000 | 0x8000 | 0x10000 | 0x40000 | 0x80000;
    private const uint NoHelo = 0x2, NoData = 0x200;
    private readonly Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
    private readonly List<byte> output = [];
    private readonly NetworkStream stream;
    private uint steps;

    private MtaSide(int port)
    {
        socket.Connect(IPAddress.Loopback, port);
        stream = new NetworkStream(socket);
    }

    /// <summary>Connects, negotiates and tells of a client at an address outside.</summary>
    public static async Task<MtaSide> ConnectAsync(int port)
    {
        var side = new MtaSide(port);
        var offer = new byte[12];
        BinaryPrimitives.WriteUInt32BigEndian(offer, 6);
        BinaryPrimitives.WriteUInt32BigEndian(offer.AsSpan(4), 0x1FF);
        BinaryPrimitives.WriteUInt32BigEndian(offer.AsSpan(8), AllSteps);
        side.Put('O', offer);
        var (_, answer) = await side.ReplyAsync();
        side.steps = BinaryPrimitives.ReadUInt32BigEndian(answer.AsSpan(8));
        side.Put('D', "Cj\0mx.example.net\0{daemon_name}\0MTA\0");
        side.Put('C', "client.example.net\0" + "4\u0027\u0010" + "192.0.2.1\0");
        await side.SettleAsync(0x1000);
        if ((side.steps & NoHelo) == 0)
        {
            side.Put('H', "client.example.net\0");
            await side.SettleAsync(0x2000);
        }

        return side;
    }

    /// <summary>Passes a message.</summary>
    /// <param name="fields">Names and values, without the space after the colon.</param>
    public async Task<Judgement> PassAsync(string id, IEnumerable<(string Name, string Value)> fields, string body)
    {
        Put('D', $"Mi\0{id}\0");
        Put('M', "<ann@example.net>\0");
        await SettleAsync(0x4000);
        Put('R', "<b@example.com>\0");
        await SettleAsync(0x8000);
        if ((steps & NoData) == 0)
        {
            Put('T', "");
            await SettleAsync(0x10000);
        }

        foreach (var (name, value) in fields)
        {
            Put('L', $"{name}\0{((steps & 0x100000) == 0 ? "" : " ")}{value}\0");
            await SettleAsync(0x80);
        }

        // What is decided by the header has its last word at once, or in reply to the body.
        foreach (var (command, data, quiet) in new[] { ('N', "", 0x40000u), ('B', body, 0x80000u) })
        {
            Put(command, data);
            if ((steps & quiet & QuietStages) == 0 && await ReplyAsync() is { Command: not ('c' or 's') } early)
                return new Judgement(early.Command, []);
        }

        Put('E', "");
        var inserted = new List<string>();
        for (; ; )
        {
            var (command, data) = await ReplyAsync();
            if (command is 'i' or 'h')
            {
                inserted.Add(Encoding.Latin1.GetString(data.AsSpan(command == 'i' ? 4 : 0)).TrimEnd('\0').Replace('\0', ':'));
            }
            else if (command is not 'p')
            {
                return new Judgement(command, inserted);
            }
        }
    }

    public void Dispose()
    {
        stream.Dispose();
        socket.Dispose();
    }

    private void Put(char command, string data) => Put(command, Encoding.Latin1.GetBytes(data));

    private void Put(char command, byte[] data)
    {
        var length = new byte[4];
        BinaryPrimitives.WriteInt32BigEndian(length, data.Length + 1);
        output.AddRange(length);
        output.Add((byte)command);
        output.AddRange(data);
    }

    // Takes the reply to a stage, unless it was agreed that there is none.
    private async Task SettleAsync(uint quiet)
    {
        if ((steps & quiet & QuietStages) == 0)
        {
            await ReplyAsync();
        }
    }

    private async Task<(char Command, byte[] Data)> ReplyAsync()
    {
        if (output.Count > 0)
        {
            await stream.WriteAsync(output.ToArray());
            output.Clear();
        }

        var head = new byte[5];
        await stream.ReadExactlyAsync(head);
        var data = new byte[BinaryPrimitives.ReadInt32BigEndian(head) - 1];
        await stream.ReadExactlyAsync(data);
        return ((char)head[4], data);
    }
}
