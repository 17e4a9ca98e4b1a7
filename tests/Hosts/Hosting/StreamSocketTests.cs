using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Dkim.Hosting;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Hosting;

/// <summary>Sockets that never wait, and the threads that tell when they are ready; alone, since those threads are held
/// up.</summary>
[NonParallelizable]
public sealed class StreamSocketTests
{
    private sealed class Telling(Action tell) : IReadiness
    {
        public void Ready(bool receive, bool send, bool ended) => tell();
    }

    private static async Task<(StreamSocket Near, Socket Far)> PairAsync(IPAddress place)
    {
        using var listener = new TcpListener(place, 0);
        listener.Start();
        var near = await StreamSocket.ConnectAsync(listener.LocalEndpoint, CancellationToken.None);
        return (near, await listener.AcceptSocketAsync());
    }

    [TestCase("127.0.0.1")]
    [TestCase("::1")]
    public async Task Octets_come_and_go_and_the_end_is_told(string place)
    {
        var (near, far) = await PairAsync(IPAddress.Parse(place));
        using (near)
        using (far)
        {
            var told = new Told();
            near.Watch(told);
            var buffer = new byte[100];
            Assert.That(near.TryReceive(buffer), Is.EqualTo(-1), "nothing is there");
            await far.SendAsync("hello"u8.ToArray());
            await told.WaitAsync();
            Assert.That(near.TryReceive(buffer), Is.EqualTo(5));
            Assert.That(near.TrySend("there"u8), Is.EqualTo(5));
            Assert.That(await far.ReceiveAsync(buffer), Is.EqualTo(5));
            Assert.That(told.Ended, Is.False);
            far.Shutdown(SocketShutdown.Send);
            await told.WaitAsync();
            Assert.That(near.TryReceive(buffer), Is.Zero);
            Assert.That(told.Ended);
        }
    }

    [Test]
    public async Task Room_to_send_is_told_once_there_is_some()
    {
        var (near, far) = await PairAsync(IPAddress.Loopback);
        using (near)
        using (far)
        {
            var told = new Told();
            near.Watch(told);
            var piece = new byte[65536];
            var sent = 0L;
            int count;
            while ((count = near.TrySend(piece)) > 0)
                sent += count;
            Assert.That(count, Is.EqualTo(-1));
            near.WatchOutput();
            for (var received = 0L; received < sent;)
                received += await far.ReceiveAsync(piece);
            await told.WaitAsync();
            Assert.That(near.TrySend(piece), Is.Positive);
        }
    }

    // Nothing more is told of an end that was there before the octets were received.
    [Test]
    public async Task An_end_right_behind_the_last_octets_is_seen()
    {
        var (near, far) = await PairAsync(IPAddress.Loopback);
        await far.SendAsync("last words"u8.ToArray());
        far.Dispose();
        var wake = new Wake();
        using var leg = new Leg(near, wake, Events.ClientMayReceive, Events.ClientMaySend);
        while (leg.Input.Length == 0)
        {
            Assert.That(await wake.NextAsync(), Is.EqualTo(Events.ClientMayReceive | Events.ClientMaySend), "an end is told as both");
            leg.MayReceive();
            leg.Receive();
        }

        Assert.That(leg.Ended, Is.False);
        Assert.That(leg.Receive(), "what comes behind is looked for at once");
        Assert.That((leg.Ended, leg.Input.Length), Is.EqualTo((true, 10)));
    }

    [Test]
    public async Task A_reset_connection_is_broken()
    {
        var (near, far) = await PairAsync(IPAddress.Loopback);
        using (near)
        {
            var told = new Told();
            near.Watch(told);
            far.LingerState = new LingerOption(true, 0);
            far.Dispose();
            await told.WaitAsync();
            Assert.That(near.TryReceive(new byte[10]), Is.EqualTo(-2));
            Assert.That(near.TrySend("x"u8), Is.EqualTo(-2));
        }
    }

    [Test]
    public async Task Work_for_later_waits_behind_what_is_ready()
    {
        var (near, far) = await PairAsync(IPAddress.Loopback);
        using (near)
        using (far)
        using (var held = new ManualResetEventSlim())
        {
            var order = new ConcurrentQueue<string>();
            near.Watch(new Telling(() => order.Enqueue("ready")));
            for (var i = 1; i < Math.Max(2, Environment.ProcessorCount); i++)
                StreamSocket.Later(held.Wait);
            // All threads but one are held up, and that one is busy until both are to be done.
            StreamSocket.Later(() =>
            {
                far.Send("x"u8);
                StreamSocket.Later(() => order.Enqueue("later"));
            });
            await Tools.Eventually(() => order.Count == 2, "both are done");
            held.Set();
            Assert.That(order, Is.EqualTo((string[])["ready", "later"]));
        }
    }

    [Test]
    public void Threads_that_are_all_held_up_do_not_answer()
    {
        using var held = new ManualResetEventSlim();
        for (var i = 0; i < Math.Max(2, Environment.ProcessorCount); i++)
            StreamSocket.Later(held.Wait);
        StreamSocket.Answers();
        Thread.Sleep(200);
        Assert.That(StreamSocket.Answers(), Is.False);
        held.Set();
        Assert.That(StreamSocket.Answers, Is.True.After(60_000, 50));
    }

    [Test]
    public void A_refused_connection_is_an_exception()
    {
        var nobody = new IPEndPoint(IPAddress.Loopback, Tools.FreePort());
        var failure = Assert.ThrowsAsync<IOException>(
            async () => (await StreamSocket.ConnectAsync(nobody, CancellationToken.None)).Dispose());
        Assert.That(failure!.Message, Is.EqualTo("Connection refused"));
    }

    [Test]
    public void A_connection_that_does_not_come_about_can_be_given_up()
    {
        // A listener whose backlog is full answers nobody.
        using var full = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        full.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        full.Listen(0);
        var place = full.LocalEndPoint!;
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(1));
        var made = new List<StreamSocket>();
        Assert.ThrowsAsync(Is.InstanceOf<OperationCanceledException>(), async () =>
        {
            while (made.Count < 100)
                made.Add(await StreamSocket.ConnectAsync(place, patience.Token));
        });
        made.ForEach(socket => socket.Dispose());
    }
}
