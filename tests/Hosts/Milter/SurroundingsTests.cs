using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using Dkim.Core.Programs.Running;
using Dkim.Tests.Hosts.Hosting;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Milter;

/// <summary>Surroundings that do not do their part: a service manager that does not read, descriptors that are no sockets,
/// files that never end, few descriptors.</summary>
internal sealed class SurroundingsTests
{
    private Scratch scratch = null!;

    [SetUp]
    public void Start()
    {
        scratch = new Scratch();
        scratch.Write("conf", $"Background no\nMode v\nSocket local:{scratch.At("socket")}\n");
    }

    [TearDown]
    public void Stop() => scratch.Dispose();

    [Test]
    public async Task A_service_manager_that_does_not_read_keeps_no_signal_from_being_heeded()
    {
        using var manager = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        manager.Bind(new UnixDomainSocketEndPoint(scratch.At("notify")));
        using (var full = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified) { Blocking = false })
        {
            full.Connect(new UnixDomainSocketEndPoint(scratch.At("notify")));
            Assert.That(
                () =>
                {
                    while (true)
                        full.Send(new byte[100]);
                },
                Throws.InstanceOf<SocketException>());
        }

        var start = new ProcessStartInfo(FilterProcess.Path(scratch, "dkim-filter"), ["-x", "conf"])
        {
            WorkingDirectory = scratch.Root,
        };
        start.Environment["NOTIFY_SOCKET"] = scratch.At("notify");
        using var filter = Process.Start(start)!;
        await Tools.Eventually(() => File.Exists(scratch.At("socket")), "it listens");
        await Task.Delay(500);
        Tools.Run("/", "/bin/kill", filter.Id.ToString(CultureInfo.InvariantCulture));
        var ended = filter.WaitForExit(60_000);
        if (!ended)
            filter.Kill();
        Assert.That(ended, "it ends");
    }

    [Test]
    public void A_file_of_keys_that_never_ends_is_refused()
    {
        Tools.Run("/", "/usr/bin/mkfifo", scratch.At("keys"));
        File.AppendAllText(scratch.At("conf"), $"TestPublicKeys {scratch.At("keys")}\n");
        var run = FilterRun.Of(scratch, "dkim-filter", "-x", "conf");
        Assert.That(run.ExitCode, Is.EqualTo(78), run.Errors);
        Assert.That(run.Errors, Does.Contain(scratch.At("keys")));
    }

    [TestCase("listening = open('conf')")]
    [TestCase("listening = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)")]
    [TestCase("listening = socket.socket(socket.AF_UNIX)")]
    [TestCase("listening = None")]
    public void Descriptors_that_nobody_could_be_served_by_are_refused(string passed)
    {
        var python = Tools.RequireProgram("python3", "python3");
        var script = $"""
            import os, socket, sys
            {passed}
            if listening:
                os.dup2(listening.fileno(), 3)
                os.set_inheritable(3, True)
            os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
            os.execv(sys.argv[1], [sys.argv[1], "-x", "conf"])
            """;
        using var process = Process.Start(new ProcessStartInfo(
            python, ["-c", script, FilterProcess.Path(scratch, "dkim-filter")])
        {
            WorkingDirectory = scratch.Root,
            RedirectStandardError = true,
        })!;
        var errors = process.StandardError.ReadToEnd();
        process.WaitForExit();
        Assert.That(process.ExitCode, Is.EqualTo(69), errors);
        Assert.That(errors, Does.Contain("descriptor 3").And.Contain("is no stream socket that listens"));
        Assert.That(errors, Does.Not.Contain("   at "), "no trace of a stack");
    }

    private bool TryConnect(List<Socket> peers)
    {
        var peer = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            peer.Connect(new UnixDomainSocketEndPoint(scratch.At("socket")));
            peers.Add(peer);
            return true;
        }
        catch (SocketException)
        {
            peer.Dispose();
            return false;
        }
    }

    [Test]
    public async Task Who_waits_for_a_descriptor_is_served_once_there_is_one()
    {
        var prlimit = Tools.RequireProgram("prlimit", "util-linux");
        using var filter = FilterProcess.StartPlain(
            scratch, "dkim-filter", $"local:{scratch.At("socket")}", "-x", "conf");
        var id = filter.Id.ToString(CultureInfo.InvariantCulture);
        var limit = Tools.Run("/", prlimit, "--pid", id, "--nofile", "--noheadings", "--output=SOFT").Trim();
        Assert.That(Serve(), Is.EqualTo("a").Or.EqualTo("c"), "it has opened all that it needs");
        Tools.Run("/", prlimit, "--pid", id, "--nofile=3:");
        var waiting = Task.Factory.StartNew(Serve, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        await Tools.Eventually(() => filter.Log.Contains("cannot accept a connection: "), "it is told");
        Tools.Run("/", prlimit, "--pid", id, $"--nofile={limit}:");
        Assert.That(await waiting.WaitAsync(TimeSpan.FromSeconds(60)), Is.EqualTo("a").Or.EqualTo("c"), "though nobody else connects");

        string Serve()
        {
            using var mta = new Mta(scratch.At("socket"));
            return mta.Pass("me@example.org")[^1];
        }
    }

    [Test]
    [Crowded]
    public async Task Connections_leave_descriptors_for_other_things_and_that_others_wait_is_said_once()
    {
        var prlimit = Tools.RequireProgram("prlimit", "util-linux");
        using var filter = Process.Start(new ProcessStartInfo(
            prlimit, ["--nofile=80:80", FilterProcess.Path(scratch, "dkim-filter"), "-x", "conf"])
        {
            WorkingDirectory = scratch.Root,
            RedirectStandardError = true,
        })!;
        var log = new List<string>();
        filter.ErrorDataReceived += (_, line) =>
        {
            lock (log)
                log.Add(line.Data ?? "");
        };
        filter.BeginErrorReadLine();
        var peers = new List<Socket>();
        try
        {
            await Tools.Eventually(() => TryConnect(peers), "it listens");
            while (peers.Count < 100)
            {
                Assert.That(TryConnect(peers), Is.True);
            }

            await Task.Delay(1500);
            Assert.That(Directory.GetFiles($"/proc/{filter.Id}/fd"), Has.Length.LessThan(80));
            peers.ForEach(peer => peer.Dispose());
            using var mta = new Mta(scratch.At("socket"));
            Assert.That(mta.Pass("me@example.org")[^1], Is.EqualTo("a").Or.EqualTo("c"));
            lock (log)
                Assert.That(log.Where(line => line.Contains("40 of 40 connections are in use; others wait")).Count(), Is.EqualTo(1), string.Join('\n', log));
        }
        finally
        {
            peers.ForEach(peer => peer.Dispose());
            filter.Kill();
        }
    }
}
