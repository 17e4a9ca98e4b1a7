using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Dkim.Core.Programs.Running;
using Dkim.Tests.Hosts.Hosting;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Milter;

/// <summary>dkim-filter as a service: start, socket, user, end.</summary>
[TestFixture]
public sealed class ServiceTests : ServiceFixture
{
    [Test]
    public async Task GoesIntoTheBackgroundOnceTheSocketIsOpen()
    {
        var run = Start("PidFile pid", "UMask 007");
        Assert.That((run.ExitCode, run.Output, run.Errors), Is.EqualTo((0, "", "")));
        var process = PidOf("pid");
        using (var mta = new Mta(Socket))
            Assert.That(mta.Pass("me@example.org")[0], Does.StartWith("i").And.Contain("DKIM-Signature"));
        Assert.That(ModeOf(Socket), Is.EqualTo(0x1F8), "the mask of the settings");
        Assert.That(File.ReadAllText($"/proc/{process}/stat").Split(' ')[3], Is.EqualTo("1"), "its parent");
        Kill(process, "TERM");
        await Tools.Eventually(() => !IsAlive(process), "it ends");
        Assert.That(File.Exists(Socket) || File.Exists(scratch.At("pid")), Is.False);
    }

    [Test]
    public void ASocketThatIsAliveIsNeitherTakenNorRemoved()
    {
        Start("PidFile pid");
        var second = Run("PidFile pid2");
        Assert.That(second.ExitCode, Is.EqualTo(69));
        Assert.That(second.Errors, Does.Contain("another process is listening there"));
        using var mta = new Mta(Socket);
        Assert.That(mta.Pass("me@example.org")[^1], Is.EqualTo("a").Or.EqualTo("c"));
    }

    [Test]
    public async Task ASocketThatNobodyServesIsReplaced()
    {
        Start("PidFile pid");
        var process = PidOf("pid");
        Kill(process, "KILL");
        await Tools.Eventually(() => !IsAlive(process), "it is killed");
        Assert.That(File.Exists(Socket));
        Assert.That(Start("PidFile pid").ExitCode, Is.Zero);
        using var mta = new Mta(Socket);
    }

    [Test]
    public void SocketModeAndGroupBeatTheMask()
    {
        Tools.RequireRoot();
        Start("PidFile pid", "UMask 077", "SocketMode 0666", "SocketGroup mail");
        Assert.That(ModeOf(Socket), Is.EqualTo(0x1B6));
        Assert.That(Tools.Run("/", "/usr/bin/stat", "-c", "%G", Socket).Trim(), Is.EqualTo("mail"));
    }

    [Test]
    public void SocketAndPidFileAreTheUsersAndKeysAreReadBefore()
    {
        Tools.RequireRoot();
        Start("PidFile pid", "UserID nobody:mail");
        var status = File.ReadAllLines($"/proc/{PidOf("pid")}/status");
        var nobody = Tools.Run("/", "/usr/bin/id", "-u", "nobody").Trim();
        Assert.That(status.First(line => line.StartsWith("Uid:", StringComparison.Ordinal)).Split('\t')[1..], Is.All.EqualTo(nobody));
        Assert.That(Tools.Run("/", "/usr/bin/stat", "-c", "%U", Socket, scratch.At("pid")), Is.EqualTo("nobody\nnobody\n"));
        using var mta = new Mta(Socket);
        Assert.That(mta.Pass("me@example.org")[0], Does.Contain("DKIM-Signature"));
    }

    [Test]
    public void AStartThatFailsSaysWhyAndWithWhichCode()
    {
        var fine = new[] { "-b", "v", "-f" };
        Assert.That(Code([.. fine, "-p", Place, "-u", "no-such-user"]), Is.EqualTo(65));
        Assert.That(Code([.. fine, "-p", Place, "-u", "root:no-such-group"]), Is.EqualTo(65));
        Assert.That(Code([.. fine, "-p", "local:" + scratch.At("none/socket")]), Is.EqualTo(69));
        Assert.That(Code([.. fine, "-p", "inet:99999"]), Is.EqualTo(78));
        Assert.That(Code([.. fine, "-p", Place, "-U", scratch.At("none.db")]), Is.EqualTo(69));
        Assert.That(Code([.. fine]), Is.EqualTo(78));
        Assert.That(Code(["-Z"]), Is.EqualTo(64));
        Assert.That(Code(["-x", "none.conf"]), Is.EqualTo(78));
    }

    [Test]
    public void AFileOnStandardInputServesInTheBackgroundToo()
    {
        var text = string.Join('\n', Lines("PidFile pid"));
        var run = FilterRun.With(scratch, "dkim-filter", text, "-x", "-");
        Assert.That((run.ExitCode, run.Errors), Is.EqualTo((0, "")));
        started.Add(PidOf("pid"));
        Assert.That(Signature(), Does.Contain("d=example.org"));
    }

    [Test]
    public void PathsStartAtBaseDirectory()
    {
        Directory.CreateDirectory(scratch.At("base"));
        File.Move(scratch.At("mail.private"), scratch.At("base/mail.private"));
        scratch.Write(
            "conf",
            $"BaseDirectory {scratch.At("base")}\nSocket local:./socket\nPidFile pid\nDomain example.org\nSelector mail\nKeyFile mail.private\n");
        Assert.That(FilterRun.Of(scratch, "dkim-filter", "-x", "conf").Errors, Is.Empty);
        started.Add(PidOf("base/pid"));
        Assert.That(File.ResolveLinkTarget($"/proc/{PidOf("base/pid")}/cwd", false)!.FullName, Is.EqualTo(scratch.At("base")));
        using var mta = new Mta(scratch.At("base/socket"));
        Assert.That(mta.Pass("me@example.org")[0], Does.Contain("DKIM-Signature"));
    }

    [Test]
    public void CoreFilesAreRefusedWhereKeysAreInMemory()
    {
        Start("PidFile pid", "EnableCoredumps yes");
        Assert.That(CoreLimit(PidOf("pid")), Is.EqualTo("0"));
        Kill(PidOf("pid"), "TERM");
        Assert.That(() => File.Exists(Socket), Is.False.After(60_000, 50));
        scratch.Write("verify.conf", $"Mode v\nSocket {Place}\nPidFile pid2\nEnableCoredumps yes\n");
        FilterRun.Of(scratch, "dkim-filter", "-x", "verify.conf");
        started.Add(PidOf("pid2"));
        Assert.That(CoreLimit(PidOf("pid2")), Is.Not.EqualTo("0"));
    }

    [Test]
    public void ItTakesAsManyDescriptorsAsItMayHave()
    {
        Configure("PidFile pid");
        var program = FilterProcess.Path(scratch, "dkim-filter");
        Tools.Run(scratch.Root, "/bin/sh", "-c", $"ulimit -Sn 300 && ulimit -Hn 5000 && {program} -x conf");
        started.Add(PidOf("pid"));
        Assert.That(Limit(PidOf("pid"), "Max open files"), Is.EqualTo("5000"));
    }

    [Test]
    public void APidFileThatCannotBeWrittenIsNoReasonNotToServe()
    {
        Configure($"PidFile {scratch.At("none/pid")}", "Background no");
        using var filter = FilterProcess.StartPlain(scratch, "dkim-filter", Place, "-x", "conf");
        Assert.That(Signs());
        Assert.That(() => filter.Log, Does.Contain("the process id cannot be written").After(60_000, 50));
    }

    // After a crash the number may be another process's.
    [Test]
    public void APidFileThatNamesAnotherProcessIsReplaced()
    {
        scratch.Write("pid", "1\n");
        Configure($"PidFile {scratch.At("pid")}", "Background no");
        using var filter = FilterProcess.StartPlain(scratch, "dkim-filter", Place, "-x", "conf");
        Assert.That(Signs());
        Assert.That(PidOf("pid"), Is.EqualTo(filter.Id));
    }

    [TestCase("AutoRestart no")]
    [TestCase("AutoRestart yes")]
    public void TheReloadOfTheUnitFailsWhereTheFilterRefuses(string line)
    {
        Configure("Background no", line);
        using var filter = FilterProcess.StartBy(
            scratch, "/usr/bin/env", [$"RUNTIME_DIRECTORY={scratch.Root}"], "dkim-filter", Place, "-x", "conf");
        Configure("Background no", line, "AlwaysSignHeaders X-Reloaded");
        Assert.That(UnitReload.Run(filter.Id, scratch.Root), Is.EqualTo((0, "")));
        Assert.That(Signature(), Does.Contain("X-Reloaded"), "it is in force when the command ends");
        Configure("Background no", line, "KeyFile /none");
        var refused = UnitReload.Run(filter.Id, scratch.Root);
        Assert.That(refused.Code, Is.EqualTo(1));
        Assert.That(refused.Error, Does.StartWith("configuration not reloaded: ").And.Contain("/none"));
        Assert.That(Signature(), Does.Contain("X-Reloaded"));
        filter.Signal("TERM");
        Assert.That(() => File.Exists(Socket), Is.False.After(60_000, 50));
    }

    // What systemctl status shows.
    [Test]
    public void TheServiceManagerIsToldWhyAReloadChangesNothing()
    {
        using var manager = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        manager.Bind(new UnixDomainSocketEndPoint(scratch.At("notify")));
        manager.ReceiveTimeout = 60_000;
        Configure("Background no");
        using var filter = FilterProcess.StartBy(
            scratch, "/usr/bin/env", [$"NOTIFY_SOCKET={scratch.At("notify")}"], "dkim-filter", Place, "-x", "conf");
        Assert.That(Told(), Does.StartWith($"READY=1\nSTATUS=listening at {Socket}, DNS by "));
        Configure("Background no", "KeyFile /none", "Selector a b");
        filter.Signal("HUP");
        Assert.That(Told(), Does.StartWith("RELOADING=1\n"));
        Assert.That(Told(), Does.StartWith("READY=1\nSTATUS=configuration not reloaded: ").And.Contain("; configuration not reloaded: "));
        Configure("Background no");
        filter.Signal("HUP");
        Assert.That(Told(), Does.StartWith("RELOADING=1\n"));
        Assert.That(Told(), Is.EqualTo("READY=1\nSTATUS=configuration reloaded"));

        string Told()
        {
            var buffer = new byte[10_000];
            return Encoding.ASCII.GetString(buffer, 0, manager.Receive(buffer));
        }
    }

    [Test]
    public void TemporaryFilesStayWhereTheyAreAskedFor()
    {
        Directory.CreateDirectory(scratch.At("tmp"));
        Start("PidFile pid", "KeepTemporaryFiles yes", $"TemporaryDirectory {scratch.At("tmp")}");
        Signature();
        Assert.That(() => Directory.GetFiles(scratch.At("tmp")), Is.Not.Empty.After(60_000, 50));
        var file = Directory.GetFiles(scratch.At("tmp"))[0];
        Assert.That(Path.GetFileName(file), Does.Match(@"^dkim\.job1\..{6}$"));
        Assert.That(ModeOf(file), Is.EqualTo(0x180));
    }

    [Test]
    public void TheDirectoryOfTheSettingsBeatsThatOfTheEnvironment()
    {
        Directory.CreateDirectory(scratch.At("settings"));
        Directory.CreateDirectory(scratch.At("environment"));
        Configure("Background no", "KeepTemporaryFiles yes", $"TemporaryDirectory {scratch.At("settings")}");
        using var filter = FilterProcess.StartBy(
            scratch, "/usr/bin/env", [$"DKIM_TMPDIR={scratch.At("environment")}"], "dkim-filter", Place, "-x", "conf");
        Assert.That(Signs());
        Assert.That(() => Directory.GetFiles(scratch.At("settings")), Is.Not.Empty.After(60_000, 50));
        Assert.That(Directory.GetFiles(scratch.At("environment")), Is.Empty);
    }

    [Test]
    public void DkFilterSignsByItsOwnLetters()
    {
        var pid = scratch.At("pid");
        var run = FilterRun.Of(
            scratch, "dk-filter", "-p", Place, "-P", pid, "-d", "example.org", "-S", "mail", "-s", "mail.private", "-c", "nofws", "-H");
        Assert.That((run.ExitCode, run.Errors), Is.EqualTo((0, "")));
        started.Add(PidOf("pid"));
        var field = Signature();
        Assert.That(field, Does.Contain("DomainKey-Signature").And.Contain("c=nofws").And.Contain("s=mail").And.Contain("h="));
    }

    [Test]
    public void AKeyThatDoesNotComeInTimeDefersTheMessage()
    {
        using var silent = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        silent.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        scratch.Write(
            "verify.conf",
            $"Mode v\nSocket {Place}\nPidFile {scratch.At("pid")}\nDNSTimeout 7\nNameservers {silent.LocalEndPoint!.ToString()!.Replace(':', '@')}\n");
        Assert.That(FilterRun.Of(scratch, "dkim-filter", "-x", "verify.conf").Errors, Is.Empty);
        started.Add(PidOf("pid"));
        using var mta = new Mta(Socket);
        var clock = Stopwatch.StartNew();
        var hash = Convert.ToBase64String(new byte[32]);
        var replies = mta.Pass(
            "me@example.org", "One line.\r\n", $"DKIM-Signature: v=1; a=rsa-sha256; d=example.org; s=x; h=from; bh={hash}; b=AAAA");
        Assert.That(replies[^1], Is.EqualTo("t"));
        Assert.That(clock.Elapsed.TotalSeconds, Is.GreaterThan(6.9), "not the five seconds of the default");
    }

    [TestCase("Syslog no", false)]
    [TestCase("Syslog yes", true)]
    [TestCase("Syslog yes\nLogFormat json", true)]
    public void WithoutSyslogOnlyWhatGoesWrongIsSaid(string line, bool said)
    {
        if (File.Exists("/dev/log"))
            Assert.Ignore("left out: there is a syslog daemon, which would get the lines");
        Configure("Background no", line);
        using var filter = FilterProcess.StartPlain(scratch, "dkim-filter", Place, "-x", "conf");
        filter.Signal("USR1");
        var expected = line.EndsWith("json", StringComparison.Ordinal)
            ? "\"text\":\"configuration reloaded from conf\""
            : ": configuration reloaded from conf";
        if (said)
            Assert.That(() => filter.Log, Does.Contain(expected).After(60_000, 50));
        else
            Thread.Sleep(1000);
        Assert.That(filter.Log.Contains("configuration reloaded", StringComparison.Ordinal), Is.EqualTo(said));
    }

    [Test]
    public async Task AMessageOnItsWayIsFinishedBeforeTheEnd()
    {
        Start("PidFile pid");
        var process = PidOf("pid");
        using var mta = new Mta(Socket);
        var replies = mta.Pass("me@example.org", () =>
        {
            Kill(process, "TERM");
            Thread.Sleep(500);
            Kill(process, "HUP");
            Thread.Sleep(300);
            Assert.That(IsAlive(process), "nor does another signal end it that does not say so");
        });
        Assert.That(replies[0], Does.Contain("DKIM-Signature"));
        await Tools.Eventually(() => !IsAlive(process), "it ends");
    }

    // That is waited for shorter than the grace.
    [Test]
    public void ASecondSignalEndsItWithoutTheMessageOnItsWay()
    {
        Start("PidFile pid");
        var process = PidOf("pid");
        using var mta = new Mta(Socket);
        Assert.That(
            () => mta.Pass("me@example.org", () =>
            {
                Kill(process, "TERM");
                Assert.That(() => IsRefused(), Is.True.After(60_000, 50), "the first signal is heeded");
                Kill(process, "TERM");
                var before = (int)ServiceLimits.grace.TotalMilliseconds - 10_000;
                Assert.That(() => IsAlive(process), Is.False.After(before, 50), "it ends at once");
            }),
            Throws.InstanceOf<IOException>().Or.InstanceOf<SocketException>());

        bool IsRefused()
        {
            using var another = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            try
            {
                another.Connect(new UnixDomainSocketEndPoint(Socket));
                return false;
            }
            catch (SocketException)
            {
                return true;
            }
        }
    }
}
