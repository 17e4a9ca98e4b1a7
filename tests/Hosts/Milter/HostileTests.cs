using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Dkim.Core.Programs.Running;
using Dkim.Tests.Hosts.Hosting;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Milter;

/// <summary>Whoever breaks the protocol loses the connection; the filter goes on for everybody else.</summary>
internal sealed class HostileTests
{
    private const string Connect = "client.example.net\04\0\01192.0.2.1\0";
    private readonly int port = Tools.FreePort();
    private Scratch scratch = null!;
    private FilterProcess filter = null!;

    [SetUp]
    public void Start()
    {
        scratch = new Scratch();
        filter = FilterProcess.Start(
            scratch, FilterProcess.Own, $"inet:{port}@127.0.0.1", "Mode v", "AlwaysAddARHeader yes");
    }

    [TearDown]
    public void Stop()
    {
        filter?.Dispose();
        scratch?.Dispose();
    }

    [Test]
    public async Task Packets_that_cannot_be_end_their_connection_alone()
    {
        using var other = await MtaSide.ConnectAsync(port);
        byte[][] hostile =
        [
            [0, 0, 0, 0],
            [0x80, 0, 0, 0],
            [0xff, 0xff, 0xff, 0xff, (byte)'B'],
            [0, 0, 0, 1, (byte)'?'],
            Packet('O', ""),
            Packet('C', Connect),
            Packet('C', ""),
            Packet('R', "<b@example.net>\0"),
            Packet('E', ""),
            Packet('B', "x"),
            Packet('M', "no end"),
            Packet('D', ""),
            [.. Packet('M', "<a@example.net>\0"), .. Packet('L', "Subject\0no end")],
            [.. Packet('M', "<a@example.net>\0"), .. Packet('N', ""), .. Packet('L', "Late\0field\0")],
            [.. Packet('M', "<a@example.net>\0"), .. Packet('N', ""), 0, 1, 0, 1, (byte)'B'],
        ];
        foreach (var octets in hostile)
            Assert.That(await LosesConnectionAsync(octets), Is.True, Convert.ToHexString(octets));
        Assert.That(() => filter.Log, Does.Contain("the MTA broke the protocol").After(60_000, 50));
        Assert.That((await PassAsync(other)).End, Is.EqualTo('a'));
    }

    [Test]
    public async Task A_message_that_is_given_up_at_any_stage_leaves_nothing_behind()
    {
        byte[][] stages =
        [
            Packet('D', "Mi\0Q1\0"), Packet('M', "<a@example.net>\0"), Packet('R', "<b@example.com>\0"),
            Packet('L', "From\0 a@example.net\0"), Packet('N', ""), Packet('B', "text\r\n"),
        ];
        await PassOneAsync();
        var before = Descriptors();
        for (var length = 0; length <= stages.Length; length++)
        {
            for (var time = 0; time < 20; time++)
            {
                using var client = await AgreeAsync();
                await client.SendAsync(stages[..length].SelectMany(stage => stage).ToArray());
            }
        }

        await PassOneAsync();
        for (var wait = 0; wait < 100 && Descriptors() > before; wait++)
            await Task.Delay(50);
        Assert.That(Descriptors(), Is.LessThanOrEqualTo(before));
    }

    [Test]
    public async Task Any_octets_end_a_connection_at_most()
    {
        var random = new Random(20261120);
        for (var turn = 0; turn < 300; turn++)
        {
            using var client = await AgreeAsync();
            var octets = new byte[random.Next(1, 200)];
            random.NextBytes(octets);
            // Lengths that can be, mostly, so that what follows is read.
            octets.AsSpan(0, Math.Min(3, octets.Length)).Clear();
            await client.SendAsync(octets);
        }

        await PassOneAsync();
    }

    private static byte[] Packet(char command, string data)
    {
        var packet = new byte[5 + data.Length];
        BinaryPrimitives.WriteInt32BigEndian(packet, data.Length + 1);
        packet[4] = (byte)command;
        Encoding.Latin1.GetBytes(data, packet.AsSpan(5));
        return packet;
    }

    private static Task<Judgement> PassAsync(MtaSide mta) =>
        mta.PassAsync("Q1", [("From", "a@example.net"), ("Subject", "x")], "One line.\r\n");

    // An MTA that leaves out all that it can, behind its first two commands.
    private async Task<Socket> AgreeAsync()
    {
        var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await client.ConnectAsync(IPAddress.Loopback, port);
        await client.SendAsync(Packet('O', "\0\0\0\x06\0\0\x01\xff\0\x1f\xff\xff"));
        await ReadPacketAsync(client);
        await client.SendAsync(Packet('C', Connect));
        return client;
    }

    private static async Task ReadPacketAsync(Socket client)
    {
        var stream = new NetworkStream(client);
        var head = new byte[4];
        await stream.ReadExactlyAsync(head);
        await stream.ReadExactlyAsync(new byte[BinaryPrimitives.ReadInt32BigEndian(head)]);
    }

    private async Task<bool> LosesConnectionAsync(byte[] octets)
    {
        using var client = await AgreeAsync();
        await client.SendAsync(octets);
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        var buffer = new byte[1024];
        try
        {
            while (await client.ReceiveAsync(buffer, patience.Token) > 0)
            {
            }

            return true;
        }
        catch (SocketException reset) when (reset.SocketErrorCode == SocketError.ConnectionReset)
        {
            return true;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    private async Task PassOneAsync()
    {
        using var mta = await MtaSide.ConnectAsync(port);
        var judgement = await PassAsync(mta);
        Assert.That(judgement.End, Is.EqualTo('a'));
        Assert.That(judgement.Inserted, Has.Some.Contains("dkim=none"));
    }

    private int Descriptors() =>
        Directory.GetFiles($"/proc/{filter.Id.ToString(CultureInfo.InvariantCulture)}/fd").Length;
}
