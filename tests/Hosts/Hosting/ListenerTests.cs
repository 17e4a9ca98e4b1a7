using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Dkim.Core.Programs.Running;
using Dkim.Core.Programs.Settings;
using Dkim.Hosting;
using Microsoft.Extensions.Time.Testing;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Hosting;

/// <summary>Addresses, listening sockets and the accept loop.</summary>
public sealed class ListenerTests
{
    private static readonly ServeSettings relaxed = new(50, TimeSpan.FromSeconds(2));
    private Scratch scratch = null!;

    [SetUp]
    public void Start() => scratch = new Scratch();

    [TearDown]
    public void Stop() => scratch.Dispose();

    [TestCase("127.0.0.1:0")]
    [TestCase("[::1]:0")]
    [TestCase("inet:0@127.0.0.1")]
    public async Task Connections_are_served(string address)
    {
        using var stop = new CancellationTokenSource();
        using var listener = await Listener.OpenAsync(Places.At(address));
        var peers = new List<IPEndPoint>();
        var serving = listener.ServeAsync(
            async (socket, token) =>
            {
                peers.Add(socket.Peer!);
                await EchoAsync(socket, token);
            },
            relaxed,
            _ => { },
            stop.Token);
        var port = ((IPEndPoint)listener.Addresses[0]).Port;
        var endpoint = Places.At(address.Replace(":0", $":{port}", StringComparison.Ordinal));
        using var client = await endpoint.ConnectAsync(CancellationToken.None);
        Assert.That(await SayAsync(client, "hello"), Is.EqualTo("hello"));
        Assert.That(client.NoDelay);
        Assert.That(peers.Single(), Is.EqualTo(client.LocalEndPoint));
        client.Dispose();
        await stop.CancelAsync();
        await serving.WaitAsync(TimeSpan.FromSeconds(60));
        Assert.That(
            async () => await Places.At($"127.0.0.1:{port}").ConnectAsync(CancellationToken.None),
            Throws.InstanceOf<SocketException>());
    }

    [Test]
    public async Task Every_address_takes_both_families()
    {
        if (!Socket.OSSupportsIPv6)
        {
            Assert.Ignore("left out: this machine has no IPv6");
        }

        using var stop = new CancellationTokenSource();
        using var listener = await Listener.OpenAsync(Places.At("*:0"));
        var port = ((IPEndPoint)listener.Addresses[0]).Port;
        var serving = listener.ServeAsync(EchoAsync, relaxed, _ => { }, stop.Token);
        foreach (var host in (string[])["127.0.0.1", "[::1]"])
        {
            using var client = await Places.At($"{host}:{port}").ConnectAsync(CancellationToken.None);
            Assert.That(await SayAsync(client, host), Is.EqualTo(host));
        }

        await stop.CancelAsync();
        await serving;
    }

    [Test]
    public async Task A_port_in_use_is_refused()
    {
        using var first = await Listener.OpenAsync(Places.At("127.0.0.1:0"));
        var port = ((IPEndPoint)first.Addresses[0]).Port;
        Assert.That(
            async () => await Listener.OpenAsync(Places.At($"127.0.0.1:{port}")),
            Throws.InstanceOf<StartupException>().With.Message.Contains($"127.0.0.1:{port}"));
    }

    [Test]
    public async Task Two_sockets_share_one_place_without_holding_it()
    {
        using var stop = new CancellationTokenSource();
        using var listener = Listener.Join(
            [await Listener.OpenAsync(Places.At("127.0.0.1:0")), await Listener.OpenAsync(Places.At("127.0.0.1:0"))]);
        var serving = listener.ServeAsync(EchoAsync, new ServeSettings(1, TimeSpan.FromSeconds(1)), _ => { }, stop.Token);
        foreach (var address in listener.Addresses.Concat(listener.Addresses))
        {
            using var client = await Places.At(address.ToString()!).ConnectAsync(CancellationToken.None);
            Assert.That(await SayAsync(client, "my turn"), Is.EqualTo("my turn"));
        }

        await stop.CancelAsync();
        await serving;
    }

    [Test]
    public async Task A_local_socket_has_the_mode_and_group_asked_for_and_goes_away()
    {
        Tools.RequireRoot();
        var path = scratch.At("s");
        using (await Listener.OpenAsync(Places.At($"local:{path}"), new LocalSocketSettings(Mode: 0x1B0, Group: 1)))
        {
            Assert.That(Tools.Run("/", "/usr/bin/stat", "-c", "%a %g %F", path), Is.EqualTo("660 1 socket\n"));
        }

        Assert.That(File.Exists(path), Is.False);
    }

    [Test]
    public async Task A_lock_that_somebody_holds_is_no_reason_not_to_start()
    {
        var flock = Tools.RequireProgram("flock", "util-linux");
        using var holder = Process.Start(flock, [scratch.Root, "sleep", "60"]);
        await Tools.Eventually(
            () => File.ReadLines("/proc/locks").Any(line => line.Contains($" {holder.Id} ", StringComparison.Ordinal)), "it is held");
        try
        {
            using var listener = await Task.Run(() => Listener.OpenAsync(Places.At($"local:{scratch.At("socket")}")))
                .WaitAsync(TimeSpan.FromSeconds(60));
            Assert.That(File.Exists(scratch.At("socket")));
        }
        finally
        {
            holder.Kill(entireProcessTree: true);
        }
    }

    [Test]
    public async Task A_stale_socket_is_replaced_and_a_live_one_is_not()
    {
        var path = scratch.At("s");
        var endpoint = Places.At(path);
        using (var dead = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
        {
            // A name of its own keeps the dying socket from taking the path along.
            dead.Bind(new UnixDomainSocketEndPoint(scratch.At("dead")));
            File.Move(scratch.At("dead"), path);
        }

        Assert.That(File.Exists(path));
        using var stop = new CancellationTokenSource();
        using var live = await Listener.OpenAsync(endpoint);
        var serving = live.ServeAsync(EchoAsync, relaxed, _ => { }, stop.Token);
        Assert.That(
            async () => await Listener.OpenAsync(endpoint),
            Throws.InstanceOf<StartupException>().With.Message.Contains("another process is listening"));
        using (var client = await endpoint.ConnectAsync(CancellationToken.None))
        {
            Assert.That(await SayAsync(client, "still there"), Is.EqualTo("still there"));
        }

        await stop.CancelAsync();
        await serving;
    }

    [Test]
    public async Task A_listener_that_is_too_busy_to_answer_is_live_too()
    {
        var path = scratch.At("s");
        using var busy = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        busy.Bind(new UnixDomainSocketEndPoint(path));
        busy.Listen(0);
        var waiting = new List<Socket>();
        for (var full = false; !full && waiting.Count < 50;)
        {
            var client = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified) { Blocking = false };
            waiting.Add(client);
            try
            {
                client.Connect(new UnixDomainSocketEndPoint(path));
            }
            catch (SocketException)
            {
                full = true;
            }
        }

        Assert.That(
            async () => await Listener.OpenAsync(Places.At(path)),
            Throws.InstanceOf<StartupException>().With.Message.Contains("another process is listening"));
        waiting.ForEach(client => client.Dispose());
        await Task.CompletedTask;
    }

    [Test]
    public async Task The_socket_of_another_is_not_removed_at_the_end()
    {
        var path = scratch.At("s");
        var first = await Listener.OpenAsync(Places.At(path));
        File.Delete(path);
        using var second = await Listener.OpenAsync(Places.At(path));
        first.Dispose();
        Assert.That(File.Exists(path), "it is the second listener's by now");
    }

    [Test]
    public void A_file_in_the_way_stays()
    {
        var path = scratch.Write("s", "precious");
        Assert.That(
            async () => await Listener.OpenAsync(Places.At(path)),
            Throws.InstanceOf<StartupException>().With.Message.Contains("no socket"));
        Assert.That(File.ReadAllText(path), Is.EqualTo("precious"));
    }

    [Test]
    public async Task Two_that_start_at_once_do_not_take_each_other_s_socket()
    {
        for (var round = 0; round < 20; round++)
        {
            var path = scratch.At($"s{round}");
            var tries = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(async () =>
            {
                try
                {
                    return await Listener.OpenAsync(Places.At(path));
                }
                catch (StartupException)
                {
                    return null;
                }
            })));
            Assert.That(tries.Count(listener => listener is not null), Is.EqualTo(1));
            foreach (var listener in tries)
            {
                listener?.Dispose();
            }
        }
    }

    [Test]
    public async Task No_more_connections_are_served_at_once_than_allowed()
    {
        using var stop = new CancellationTokenSource();
        using var listener = await Listener.OpenAsync(Places.At("127.0.0.1:0"));
        var (now, most, served) = (0, 0, 0);
        var serving = listener.ServeAsync(
            async (_, token) =>
            {
                most = Math.Max(most, Interlocked.Increment(ref now));
                await Task.Delay(30, token);
                Interlocked.Decrement(ref now);
                Interlocked.Increment(ref served);
            },
            new ServeSettings(3, TimeSpan.FromSeconds(1)),
            _ => { },
            stop.Token);
        var clients = Enumerable.Range(0, 20).Select(_ => new TcpClient()).ToList();
        await Task.WhenAll(clients.Select(client => client.ConnectAsync((IPEndPoint)listener.Addresses[0])));
        await Tools.Eventually(() => served == 20, "all are served in the end");
        Assert.That(most, Is.LessThanOrEqualTo(3));
        clients.ForEach(client => client.Dispose());
        await stop.CancelAsync();
        await serving;
    }

    [Test]
    public async Task A_stop_lets_connections_end_and_then_cuts_them()
    {
        using var stop = new CancellationTokenSource();
        using var listener = await Listener.OpenAsync(Places.At("127.0.0.1:0"));
        var (ended, cut, began) = (0, 0, 0);
        var clock = new FakeTimeProvider();
        var leave = new TaskCompletionSource();
        var serving = listener.ServeAsync(
            async (_, token) =>
            {
                var patient = Interlocked.Increment(ref began) == 1;
                try
                {
                    await (patient ? leave.Task : Task.Delay(Timeout.Infinite, token));
                    Interlocked.Increment(ref ended);
                }
                catch (OperationCanceledException)
                {
                    Interlocked.Increment(ref cut);
                    throw;
                }
            },
            new ServeSettings(10, TimeSpan.FromSeconds(20)) { Clock = clock },
            _ => { },
            stop.Token);
        using var first = new TcpClient();
        using var second = new TcpClient();
        await first.ConnectAsync((IPEndPoint)listener.Addresses[0]);
        await Tools.Eventually(() => began == 1, "the first connection");
        await second.ConnectAsync((IPEndPoint)listener.Addresses[0]);
        await Tools.Eventually(() => began == 2, "the second connection");
        await stop.CancelAsync();
        leave.SetResult();
        await Tools.Eventually(() => ended == 1, "the first ends");
        Assert.That((serving.IsCompleted, cut), Is.EqualTo((false, 0)));
        Assert.That(await clock.PassAsync(serving), Is.GreaterThanOrEqualTo(TimeSpan.FromSeconds(20)));
        await serving;
        Assert.That((ended, cut), Is.EqualTo((1, 1)));
    }

    [Test]
    public async Task What_a_session_throws_ends_it_alone()
    {
        using var stop = new CancellationTokenSource();
        using var listener = await Listener.OpenAsync(Places.At("127.0.0.1:0"));
        var reports = new System.Collections.Concurrent.ConcurrentQueue<string>();
        var serving = listener.ServeAsync(
            async (socket, token) =>
            {
                var told = new Told();
                socket.Watch(told);
                await told.WaitAsync(token);
                var buffer = new byte[16];
                var count = socket.TryReceive(buffer);
                if (buffer[0] == '!')
                {
                    throw new InvalidOperationException("told to fail");
                }

                socket.TrySend(buffer.AsSpan(0, count));
            },
            relaxed,
            reports.Enqueue,
            stop.Token);
        var endpoint = Places.At(listener.Addresses[0].ToString()!);
        using (var bad = await endpoint.ConnectAsync(CancellationToken.None))
        {
            Assert.That(await SayAsync(bad, "!"), Is.Empty);
        }

        using (var good = await endpoint.ConnectAsync(CancellationToken.None))
        {
            Assert.That(await SayAsync(good, "ok"), Is.EqualTo("ok"));
        }

        Assert.That(reports.Single(), Does.Contain("told to fail"));
        await stop.CancelAsync();
        await serving;
    }

    private static async Task EchoAsync(StreamSocket socket, CancellationToken cancellation)
    {
        var told = new Told();
        var buffer = new byte[256];
        socket.Watch(told);
        for (var count = -1; count is > 0 or -1; count = socket.TryReceive(buffer))
        {
            if (count > 0)
                socket.TrySend(buffer.AsSpan(0, count));
            else
                await told.WaitAsync(cancellation);
        }
    }

    private static async Task<string> SayAsync(Socket socket, string text)
    {
        await socket.SendAsync(System.Text.Encoding.ASCII.GetBytes(text));
        var buffer = new byte[256];
        using var patience = new CancellationTokenSource(60_000);
        return System.Text.Encoding.ASCII.GetString(buffer, 0, await socket.ReceiveAsync(buffer, patience.Token));
    }
}
