using System.Buffers.Binary;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using Dkim.Core.Programs.Running;
using Dkim.Tests.Hosts.Hosting;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Milter;

/// <summary>What unfinished and huge mail costs: bounded in all, given back, and nobody waits for it. Alone, since it
/// measures how long others wait.</summary>
[NonParallelizable]
internal sealed class MemoryTests
{
    private const int Mebibyte = 1 << 20;
    private readonly int port = Tools.FreePort();
    private readonly List<Socket> peers = [];
    private Scratch scratch = null!;
    private FilterProcess? filter;

    [SetUp]
    public void Start()
    {
        scratch = new Scratch();
        using var key = RSA.Create(2048);
        scratch.Write("key.pem", key.ExportPkcs8PrivateKeyPem(), UnixFileMode.UserRead | UnixFileMode.UserWrite);
    }

    [TearDown]
    public void Stop()
    {
        peers.ForEach(peer => peer.Dispose());
        peers.Clear();
        filter?.Dispose();
        scratch.Dispose();
    }

    [TestCase("MaximumHeaders 0", 'L')]
    [TestCase("MaximumHeaders 65536", 'L')]
    [TestCase("MaximumHeaders 65536", 'D')]
    public async Task A_thousand_unfinished_packets_take_a_bounded_room_which_is_given_back(string line, char command)
    {
        Serve(line);
        await PassAsync();
        var size = command == 'L' ? Mebibyte - 100 : 100_000;
        var begun = new byte[5 + size - 1];
        BinaryPrimitives.WriteInt32BigEndian(begun, size + 1);
        begun[4] = (byte)command;
        Encoding.ASCII.GetBytes("X-Long\0").CopyTo(begun, 5);
        for (var i = 0; i < 1000; i++)
            await SendAsync([.. command == 'L' ? Packet('M', "<a>\0") : [], .. begun]);

        await Tools.Eventually(() => Resident() > 20 * Mebibyte, "something arrives");
        await Task.Delay(500);
        Assert.That(Resident(), Is.LessThan(280L * Mebibyte));
        await PassAsync().WaitAsync(TimeSpan.FromSeconds(20));
        peers.ForEach(peer => peer.Dispose());
        await Tools.Eventually(() => Resident() < 90L * Mebibyte, $"it is given back, and not only down to {Resident() >> 20} MiB");
    }

    [Test]
    public async Task What_finds_no_room_is_put_off_and_the_connection_goes_on()
    {
        Serve("MaximumHeaders 0");
        var size = Mebibyte - 100;
        byte[] begun = [.. Packet('M', "<a>\0"), .. Head('L', size)];
        for (var i = 0; i < 70; i++)
            await SendAsync([.. begun, .. new byte[1000]]);
        await Tools.Eventually(() => filter!.Log.Contains("no memory is left for unfinished mail"), "there is no room");
        var before = peers.ToArray();
        var peer = await SendAsync([]);
        peer.ReceiveTimeout = 60_000;
        var reply = new byte[4096];
        string Pass(params string[] fields)
        {
            peer.Send([.. Packet('M', "<a>\0"), .. fields.SelectMany(field => Packet('L', field)), .. Packet('N', ""), .. Packet('E', "")]);
            return Encoding.Latin1.GetString(reply, 0, peer.Receive(reply));
        }

        const string From = "From\0 a@example.net\0";
        var large = $"X-Long\0 {new string('x', size / 2)}\0";
        Assert.That(Pass(From, large), Is.EqualTo("\0\0\0\x01t"));
        Assert.That(Pass(From), Does.Contain("dkim=none"));
        Array.ForEach(before, one => one.Dispose());
        await Task.Delay(500);
        Assert.That(Pass(From, large), Does.Contain("dkim=none"));
    }

    // As many octets in few fields, and in many.
    [TestCase(60_000, 900)]
    [TestCase(3_000_000, 18)]
    [TestCase(4, 2_000_000)]
    public async Task A_header_of_many_mebibytes_is_not_kept_and_keeps_nobody_waiting(int length, int count)
    {
        Serve("MaximumHeaders 0", "On-Security accept");
        await PassAsync();
        var field = Packet('L', $"X-A\0 {new string('x', length)}\0");
        var peer = await SendAsync(Packet('M', "<a>\0"));
        var longest = TimeSpan.Zero;
        var flood = Task.Run(() =>
        {
            var many = Enumerable.Repeat(field, Math.Max(1, 100_000 / field.Length)).SelectMany(one => one).ToArray();
            peer.Send(Packet('L', "Authentication-Results\0 forged.example; dkim=pass\0"));
            for (var sent = 0; sent < count; sent += Math.Max(1, 100_000 / field.Length))
                peer.Send(many);
            peer.Send([.. Packet('L', $"Authentication-Results\0 forged{new string('x', 2 * Mebibyte)}\0"), .. Packet('N', ""), .. Packet('E', "")]);
        });
        while (!flood.IsCompleted)
        {
            var clock = Stopwatch.StartNew();
            await PassAsync();
            longest = clock.Elapsed > longest ? clock.Elapsed : longest;
        }

        await flood;
        Assert.That(longest.TotalMilliseconds, Is.LessThan(5000));
        Assert.That(Resident(), Is.LessThan(100L * Mebibyte));
        peer.ReceiveTimeout = 60_000;
        var reply = new byte[4096];
        var said = Encoding.Latin1.GetString(reply, 0, peer.Receive(reply));
        Assert.That(said.Split("Authentication-Results"), Has.Length.EqualTo(3), "both forged results go");
        Assert.That(said, Does.EndWith("a").Or.EndWith("c"));
        peer.Send([.. Packet('M', "<a>\0"), .. Packet('L', "From\0 a@example.net\0"), .. Packet('N', ""), .. Packet('E', "")]);
        Assert.That(Encoding.Latin1.GetString(reply, 0, peer.Receive(reply)), Does.Contain("dkim=none"), "the connection goes on");
    }

    // A header of the greatest length, in few fields and in many, judged and signed again and again on every thread.
    [TestCase(50_000, 20)]
    [TestCase(4, 60_000)]
    public async Task The_longest_header_that_is_judged_keeps_nobody_waiting(int length, int count)
    {
        Serve("MaximumHeaders 0");
        var fields = Enumerable.Repeat(Packet('L', $"X-A\0 {new string('x', length)}\0"), count).SelectMany(one => one);
        byte[] message = [.. Packet('M', "<a>\0"), .. Packet('L', "From\0 a@example.org\0"), .. fields, .. Packet('N', ""), .. Packet('E', "")];
        using var over = new CancellationTokenSource();
        var floods = Enumerable.Range(0, Environment.ProcessorCount).Select(_ => Task.Run(async () =>
        {
            var peer = await SendAsync([]);
            var reply = new byte[65536];
            var signed = 0;
            do
            {
                peer.Send(message);
                Assert.That(Encoding.Latin1.GetString(reply, 0, peer.Receive(reply)), Does.Contain("DKIM-Signature"));
                signed++;
            }
            while (!over.IsCancellationRequested);
            return signed;
        })).ToArray();
        var longest = TimeSpan.Zero;
        for (var i = 0; i < 20; i++)
        {
            var clock = Stopwatch.StartNew();
            await PassAsync();
            longest = clock.Elapsed > longest ? clock.Elapsed : longest;
        }

        await over.CancelAsync();
        Assert.That((await Task.WhenAll(floods)).Min(), Is.GreaterThan(0));
        Assert.That(longest.TotalMilliseconds, Is.LessThan(5000));
        Assert.That(Resident(), Is.LessThan(200L * Mebibyte));
    }

    private void Serve(params string[] lines) => filter = FilterProcess.Start(
        scratch, FilterProcess.Own, $"inet:{port}@127.0.0.1",
        ["Domain example.org", "Selector sel", $"KeyFile {scratch.At("key.pem")}", "AlwaysAddARHeader yes", .. lines]);

    private async Task PassAsync()
    {
        using var mta = await MtaSide.ConnectAsync(port);
        var judgement = await mta.PassAsync("Q1", [("From", "a@example.net")], "One line.\r\n");
        Assert.That(judgement.Inserted, Has.Some.Contains("dkim=none"));
    }

    private async Task<Socket> SendAsync(byte[] octets)
    {
        var peer = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        lock (peers)
            peers.Add(peer);
        await peer.ConnectAsync(IPAddress.Loopback, port);
        await peer.SendAsync(Packet('O', "\0\0\0\x06\0\0\x01\xff\0\x1f\xff\xff"));
        var length = new byte[4];
        await new NetworkStream(peer).ReadExactlyAsync(length);
        await new NetworkStream(peer).ReadExactlyAsync(new byte[BinaryPrimitives.ReadInt32BigEndian(length)]);
        await new NetworkStream(peer).WriteAsync((byte[])[.. Packet('C', "localhost\04\0\0127.0.0.1\0"), .. octets]);
        return peer;
    }

    private static byte[] Head(char command, int size)
    {
        var head = new byte[5];
        BinaryPrimitives.WriteInt32BigEndian(head, size + 1);
        head[4] = (byte)command;
        return head;
    }

    private static byte[] Packet(char command, string data) => [.. Head(command, data.Length), .. Encoding.Latin1.GetBytes(data)];

    private long Resident() => 1024 * File.ReadLines($"/proc/{filter!.Id}/status")
        .Where(line => line.StartsWith("VmRSS:", StringComparison.Ordinal))
        .Select(line => long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture)).Single();
}
