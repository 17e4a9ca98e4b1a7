using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Dkim.Tests.Hosts.Hosting;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Milter;

/// <summary>dkim-filter under a service manager: what it is told, and the sockets that it passes.</summary>
[TestFixture]
public sealed class ServiceManagerTests : ServiceFixture
{
    [TestCase("AutoRestart no")]
    [TestCase("AutoRestart yes")]
    public void TheServiceManagerIsTold(string line)
    {
        using var manager = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        manager.Bind(new UnixDomainSocketEndPoint(scratch.At("notify")));
        manager.ReceiveTimeout = 60_000;
        Configure("Background no", line);
        var start = new ProcessStartInfo(FilterProcess.Path(scratch, "dkim-filter"), ["-x", "conf"])
        {
            WorkingDirectory = scratch.Root,
            RedirectStandardError = true,
        };
        start.Environment["NOTIFY_SOCKET"] = scratch.At("notify");
        start.Environment["WATCHDOG_USEC"] = "200000";
        using var process = Process.Start(start)!;
        started.Add(process.Id);
        var told = new HashSet<string>();
        var clock = Stopwatch.StartNew();
        ListenFor("READY=1");
        ListenFor("WATCHDOG=1");
        Kill(process.Id, "TERM");
        ListenFor("STOPPING=1");
        process.WaitForExit();
        Assert.That(process.ExitCode, Is.Zero);

        void ListenFor(string word)
        {
            var buffer = new byte[1000];
            while (!told.Contains(word))
            {
                Assert.That(clock.Elapsed.TotalSeconds, Is.LessThan(40), word);
                told.Add(Encoding.ASCII.GetString(buffer, 0, manager.Receive(buffer)).Split('\n')[0]);
            }
        }
    }

    [TestCase("AutoRestart no", true)]
    [TestCase("AutoRestart yes", true)]
    [TestCase("AutoRestart no", false)]
    [TestCase("AutoRestart yes", false)]
    public async Task SocketsOfTheServiceManagerAreUsed(string line, bool named)
    {
        var python = Tools.RequireProgram("python3", "python3");
        string[] lines = ["Background no", line, $"Socket {scratch.At("unused")}"];
        Configure(lines);
        if (!named)
        {
            scratch.Write("conf", string.Join(
                '\n', Lines(lines).Where(one => !one.StartsWith("Socket", StringComparison.Ordinal))));
        }

        const string Script = """
            import os, socket, sys
            listening = socket.socket(socket.AF_UNIX)
            listening.bind(sys.argv[1] + "~")
            listening.listen()
            os.rename(sys.argv[1] + "~", sys.argv[1])
            os.dup2(listening.fileno(), 3)
            os.set_inheritable(3, True)
            os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
            os.execv(sys.argv[2], [sys.argv[2], "-x", "conf"])
            """;
        using var process = Process.Start(new ProcessStartInfo(
            python, ["-c", Script, scratch.At("passed"), FilterProcess.Path(scratch, "dkim-filter")])
        {
            WorkingDirectory = scratch.Root,
        })!;
        started.Add(process.Id);
        await Tools.Eventually(() => File.Exists(scratch.At("passed")), "the socket is there");
        using var mta = new Mta(scratch.At("passed"));
        Assert.That(mta.Pass("me@example.org")[0], Does.Contain("DKIM-Signature"));
        Assert.That(File.Exists(scratch.At("unused")), Is.False);
    }
}
