using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using Dkim.Core.Programs.Running;
using Dkim.Tests.Hosts.Hosting;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Milter;

/// <summary>A peer that never pauses does not keep the others waiting, not even when there is one for each thread that
/// serves. Alone, since it measures how long they wait.</summary>
[NonParallelizable]
internal sealed class FairnessTests
{
    private const string Connect = "localhost\04\0\0127.0.0.1\0";
    private static readonly int threads = Math.Max(2, Environment.ProcessorCount);
    private readonly int port = Tools.FreePort();
    private readonly List<Socket> peers = [];
    private Scratch scratch = null!;
    private FilterProcess filter = null!;

    [SetUp]
    public void Start()
    {
        scratch = new Scratch();
        using var key = RSA.Create(2048);
        scratch.Write("key.pem", key.ExportPkcs8PrivateKeyPem(), UnixFileMode.UserRead | UnixFileMode.UserWrite);
        filter = FilterProcess.Start(
            scratch, FilterProcess.Own, $"inet:{port}@127.0.0.1",
            "Domain example.org", "Selector sel", $"KeyFile {scratch.At("key.pem")}", "AlwaysAddARHeader yes");
    }

    [TearDown]
    public void Stop()
    {
        peers.ForEach(peer => peer.Dispose());
        peers.Clear();
        filter?.Dispose();
        scratch?.Dispose();
    }

    private static IEnumerable<TestCaseData> Floods()
    {
        byte[] begun = [.. Packet('M', "<a>\0"), .. Packet('L', "From\0 a@example.org\0"), .. Packet('N', "")];
        byte[] givenUp = [.. begun, .. Packet('A', "")];
        byte[] toSign = [.. begun, .. Packet('E', "")];
        yield return new TestCaseData(givenUp) { TestName = "Endless messages given up" };
        yield return new TestCaseData(toSign) { TestName = "Endless messages to sign" };
    }

    [TestCaseSource(nameof(Floods))]
    public async Task Others_are_served_promptly(byte[] packets)
    {
        var flood = Enumerable.Repeat(packets, (4 << 20) / packets.Length).SelectMany(packet => packet).ToArray();
        for (var i = 0; i < threads; i++)
        {
            var peer = await AgreeAsync();
            Begin(() => peer.Send(flood));
            Begin(() => peer.Receive(new byte[1 << 16]));
        }

        await Task.Delay(1000);
        await PassFiveAsync().WaitAsync(TimeSpan.FromSeconds(20));
    }

    private async Task PassFiveAsync()
    {
        for (var i = 0; i < 5; i++)
        {
            using var mta = await MtaSide.ConnectAsync(port);
            var judgement = await mta.PassAsync("Q1", [("From", "a@example.net")], "One line.\r\n");
            Assert.That(judgement.Inserted, Has.Some.Contains("dkim=none"));
        }
    }

    private async Task<Socket> AgreeAsync()
    {
        var peer = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        peers.Add(peer);
        await peer.ConnectAsync(IPAddress.Loopback, port);
        await peer.SendAsync(Packet('O', "\0\0\0\x06\0\0\x01\xff\0\x1f\xff\xff"));
        await new NetworkStream(peer).ReadExactlyAsync(new byte[17]);
        await peer.SendAsync(Packet('C', Connect));
        return peer;
    }

    // Again and again, in a thread of its own, until the connection is closed.
    private static void Begin(Func<int> step) => new Thread(() =>
    {
        try
        {
            while (step() > 0)
            {
            }
        }
        catch (Exception end) when (end is SocketException or ObjectDisposedException)
        {
            // The end of the test.
        }
    })
    {
        IsBackground = true,
    }.Start();

    private static byte[] Packet(char command, string data)
    {
        var packet = new byte[5 + data.Length];
        BinaryPrimitives.WriteInt32BigEndian(packet, data.Length + 1);
        packet[4] = (byte)command;
        Encoding.Latin1.GetBytes(data, packet.AsSpan(5));
        return packet;
    }
}
