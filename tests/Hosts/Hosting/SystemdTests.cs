using System.Diagnostics;
using System.Net.Sockets;
using System.Text;
using Dkim.Core.Programs.Running;
using Dkim.Hosting;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Hosting;

/// <summary>What the service manager is told, by a process that takes itself for a service: alone, since programs that
/// other tests started meanwhile would inherit its variables.</summary>
[NonParallelizable]
public sealed class SystemdTests
{
    private Scratch scratch = null!;

    [SetUp]
    public void Start() => scratch = new Scratch();

    [TearDown]
    public void Stop() => scratch.Dispose();

    [TestCase(false)]
    [TestCase(true)]
    public async Task Systemd_is_notified(bool @abstract)
    {
        var path = @abstract ? $"@hosts-test-{Environment.ProcessId}" : scratch.At("notify");
        using var manager = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified) { ReceiveTimeout = 60_000 };
        manager.Bind(new UnixDomainSocketEndPoint(path.Replace('@', '\0')));
        Environment.SetEnvironmentVariable("NOTIFY_SOCKET", path);
        Environment.SetEnvironmentVariable("WATCHDOG_USEC", "40000");
        try
        {
            Systemd.Ready("serving\nmail");
            Systemd.Reloading();
            Systemd.Stopping();
            Assert.That(Receive(manager), Is.EqualTo("READY=1\nSTATUS=serving mail"));
            Assert.That(Receive(manager), Does.Match(@"^RELOADING=1\nMONOTONIC_USEC=\d+$"));
            Assert.That(Receive(manager), Is.EqualTo("STOPPING=1"));

            using var stop = new CancellationTokenSource();
            var feeding = Systemd.FeedWatchdogAsync(() => true, stop.Token);
            Assert.That(Receive(manager), Is.EqualTo("WATCHDOG=1"));
            Assert.That(Receive(manager), Is.EqualTo("WATCHDOG=1"));
            await stop.CancelAsync();
            await feeding;
            while (manager.Poll(0, SelectMode.SelectRead))
                Receive(manager);
        }
        finally
        {
            Environment.SetEnvironmentVariable("NOTIFY_SOCKET", null);
            Environment.SetEnvironmentVariable("WATCHDOG_USEC", null);
        }

        Systemd.Ready();
        Assert.That(manager.Poll(0, SelectMode.SelectRead), Is.False, "without systemd nothing is sent");
    }

    // A whole interval without one and the service is killed; half of it is what systemd asks for.
    [Test]
    public async Task A_sign_of_life_comes_long_before_the_watchdog_bites()
    {
        using var manager = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified) { ReceiveTimeout = 60_000 };
        manager.Bind(new UnixDomainSocketEndPoint(scratch.At("notify")));
        Environment.SetEnvironmentVariable("NOTIFY_SOCKET", scratch.At("notify"));
        Environment.SetEnvironmentVariable("WATCHDOG_USEC", "6000000");
        try
        {
            using var stop = new CancellationTokenSource();
            var feeding = Systemd.FeedWatchdogAsync(() => true, stop.Token);
            Receive(manager);
            var clock = Stopwatch.StartNew();
            Assert.That(Receive(manager), Is.EqualTo("WATCHDOG=1"));
            Assert.That(clock.Elapsed.TotalSeconds, Is.LessThan(5));
            await stop.CancelAsync();
            await feeding;
        }
        finally
        {
            Environment.SetEnvironmentVariable("NOTIFY_SOCKET", null);
            Environment.SetEnvironmentVariable("WATCHDOG_USEC", null);
        }
    }

    private static string Receive(Socket socket)
    {
        var buffer = new byte[512];
        return Encoding.UTF8.GetString(buffer, 0, socket.Receive(buffer));
    }
}
