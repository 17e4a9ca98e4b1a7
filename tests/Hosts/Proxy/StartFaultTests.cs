using System.Diagnostics;
using Dkim.Core.Programs.Running;
using Dkim.Tests.Hosts.Hosting;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Proxy;

/// <summary>What keeps the proxies from starting, and what a check says of it beforehand.</summary>
public sealed class StartFaultTests
{
    private Scratch scratch = null!;

    [SetUp]
    public void Start()
    {
        scratch = new Scratch();
        Keys.Make(scratch);
    }

    [TearDown]
    public void Stop() => scratch.Dispose();

    [TestCase(1, "--help")]
    [TestCase(2, "Error: relay host was not specified")]
    [TestCase(2, "Error: wrong number of arguments", "127.0.0.1:0")]
    [TestCase(2, "nosuch", "--nosuch=1", "127.0.0.1:0", "127.0.0.1:1")]
    [TestCase(2, "nosuch.conf", "--conf_file=nosuch.conf", "127.0.0.1:0", "127.0.0.1:1")]
    [TestCase(2, "cannot read keyfile", "--keyfile=nosuch.pem", "--domain=d", "--selector=s", "127.0.0.1:0", "127.0.0.1:1")]
    public void Usage_errors_have_the_codes_of_the_original(int code, string text, params string[] arguments)
    {
        var run = ProxyProcess.Run(scratch, "dkimproxy.out", text == "--help" ? ["--help"] : arguments);
        Assert.That(run.Code, Is.EqualTo(code), run.Error);
        Assert.That(code == 1 ? run.Output : run.Error, Does.Contain(text));
    }

    [Test]
    public void What_cannot_be_opened_ends_the_start_with_1()
    {
        using var taken = new TcpRelay();
        var relay = $"127.0.0.1:{taken.Port}";
        foreach (var (option, text) in new[]
        {
            ("--listen=" + relay, "cannot listen at"),
            ("--user=nosuchuser", "nosuchuser"),
            ("--group=nosuchgroup", "nosuchgroup"),
            ("--pidfile=/proc/none/pid", "/proc/none/pid"),
            ("--test_keys=nosuch.txt", "nosuch.txt"),
        })
        {
            string[] arguments = [.. Keys.Signing, "--listen=127.0.0.1:0", "--relay=" + relay, option];
            var (code, _, error) = ProxyProcess.Run(scratch, "dkimproxy.out", arguments);
            Assert.That(code, Is.EqualTo(1), error);
            Assert.That(error, Does.StartWith("dkimproxy.out: ").And.Contain(text));
        }
    }

    [Test]
    public void A_check_by_root_breaks_no_key_of_the_units_user()
    {
        Tools.RequireRoot();
        scratch.Write("p.conf", "relay 127.0.0.1:25\ndomain example.org\nselector sel\nkeyfile key.pem\n");
        var check = ProxyProcess.Run(scratch, "dkimproxy.out", "--check", "--conf_file=p.conf");
        Assert.That(check.Output, Does.Contain("key.pem: root alone can read it; where a unit starts the service as another user, "));
        Tools.Run("/", "/bin/chgrp", "200", scratch.At("key.pem"));
        File.SetUnixFileMode(scratch.At("key.pem"), (UnixFileMode)0x1A0);
        check = ProxyProcess.Run(scratch, "dkimproxy.out", "--check", "--conf_file=p.conf");
        Assert.That((check.Code, check.Output), Is.EqualTo((0, "dkimproxy.out: no problems\n")), check.Error);
        File.SetUnixFileMode(scratch.At("key.pem"), (UnixFileMode)0x1A4);
        check = ProxyProcess.Run(scratch, "dkimproxy.out", "--check", "--conf_file=p.conf", "--user=nobody");
        Assert.That(check.Output, Does.Match(@"key\.pem: mode 0644, .*; chgrp \d+ key\.pem && chmod 0640 key\.pem"));
    }

    [Test]
    public void A_check_names_every_problem()
    {
        scratch.Write("good.conf", "relay 127.0.0.1:25\ndomain example.org\nselector sel\nkeyfile key.pem\n");
        Assert.That(ProxyProcess.Run(scratch, "dkimproxy.out", "--check", "--conf_file=good.conf").Code, Is.Zero);
        scratch.Write("bad.conf", "relay 127.0.0.1:25\nselector sel\nmax_servers many\nnosuch 1\n");
        var (code, output, _) = ProxyProcess.Run(scratch, "dkimproxy.out", "--check", "--conf_file=bad.conf");
        Assert.That(code, Is.EqualTo(78));
        Assert.That(output, Does.Contain("bad.conf:3: ").And.Contain("bad.conf:4: "));
        scratch.Write("worse.conf", "syslog_facility mial\nnameserver ns.example.org\n");
        output = ProxyProcess.Run(scratch, "dkimproxy.out", "--check", "--conf_file=worse.conf").Output;
        Assert.That(output, Does.Contain("worse.conf:1: ").And.Contain("worse.conf:2: "));
    }

    [Test]
    public void A_check_by_root_tells_of_a_spool_directory_that_is_closed_to_the_user()
    {
        Tools.RequireRoot();
        scratch.Open();
        Directory.CreateDirectory(scratch.At("spool"), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        string[] arguments = ["--check", $"--spool-directory={scratch.At("spool")}", "127.0.0.1:0", "127.0.0.1:25"];
        Assert.That(ProxyProcess.Run(scratch, "dkimproxy.in", arguments).Code, Is.Zero);
        var (code, output, _) = ProxyProcess.Run(scratch, "dkimproxy.in", ["--user=nobody", .. arguments]);
        Assert.That(code, Is.EqualTo(78), output);
        Assert.That(output, Does.Contain($"spool_directory: '{scratch.At("spool")}': "));
    }

    [TestCase("listen 127.0.0.1:99999", "a port is a number from 0 to 65535 at character 11")]
    [TestCase("listen inet:10027@127.0.0.1", "write listen 127.0.0.1:10027")]
    [TestCase("listen 203.0.113.77:10027", "no address of this machine")]
    [TestCase("relay_host no host", "at character 3")]
    [TestCase("host 300.0.0.1", "no IPv4 address")]
    [TestCase("user nosuch", "there is no user \"nosuch\"")]
    [TestCase("group nosuch", "there is no group \"nosuch\"")]
    [TestCase("pidfile /nosuch/pid", "there is no directory /nosuch")]
    [TestCase("log_file /nosuch/log", "there is no directory /nosuch")]
    [TestCase("chroot /nosuch", "there is no directory /nosuch")]
    [TestCase("spool_directory /nosuch", "there is no directory /nosuch")]
    [TestCase("test_keys /nosuch", "/nosuch: No such file or directory")]
    [TestCase("trust_anchor /nosuch", "/nosuch: No such file or directory")]
    public void A_check_says_yes_to_what_starts_alone(string line, string reason)
    {
        scratch.Write("conf", $"relay 127.0.0.1:25\n{line}\n");
        var (code, output, _) = ProxyProcess.Run(scratch, "dkimproxy.in", "--check", "--conf_file=conf");
        Assert.That(code, Is.EqualTo(78), output);
        var key = line[..line.IndexOf(' ', StringComparison.Ordinal)];
        Assert.That(output, Does.StartWith($"conf:2: {key}: '{line[(key.Length + 1)..]}': ").And.Contain(reason));
        Assert.That(output, Does.EndWith("dkimproxy.in: 1 problem\n"));
    }

    [Test]
    public void A_check_tells_every_problem_of_operands_and_surroundings_at_once()
    {
        var (code, output, _) = ProxyProcess.Run(
            scratch, "dkimproxy.in", "--check", "--user=nosuch", "--spool-directory=/nosuch", "127.0.0.1:99999", "127.0.0.1:x");
        Assert.That(code, Is.EqualTo(78));
        Assert.That(output, Does
            .Contain("listen: '127.0.0.1:99999': a port is a number").And
            .Contain("relay: '127.0.0.1:x': expected a port").And
            .Contain("user: 'nosuch': there is no user").And
            .Contain("spool_directory: '/nosuch': there is no directory").And
            .EndWith("dkimproxy.in: 4 problems\n"));
        var env = Tools.RequireProgram("env", "coreutils");
        using var process = Process.Start(new ProcessStartInfo(
            env,
            ["TMPDIR=/nosuch", ProxyProcess.Link(scratch, "dkimproxy.in"), "--check", "127.0.0.1:0", "127.0.0.1:25"])
        {
            RedirectStandardOutput = true,
        })!;
        Assert.That(process.StandardOutput.ReadToEnd(), Does.Contain("spool_directory: of TMPDIR: there is no directory /nosuch"));
        process.WaitForExit();
        Assert.That(process.ExitCode, Is.EqualTo(78));
    }
}
