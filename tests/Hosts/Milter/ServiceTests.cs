using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using Dkim.Tests.Hosts.Hosting;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Milter;

/// <summary>dkim-filter as a service: start, socket, user, signals, end.</summary>
[TestFixture]
public sealed class ServiceTests
{
    private Scratch scratch = null!;
    private readonly List<int> started = [];

    private string Socket => scratch.At("socket");

    private string Place => "local:" + Socket;

    [SetUp]
    public void SetUp()
    {
        scratch = new Scratch();
        File.SetUnixFileMode(scratch.Root, (UnixFileMode)0x1FF);
        using var key = RSA.Create(2048);
        scratch.Write("mail.private", key.ExportPkcs8PrivateKeyPem(), UnixFileMode.UserRead | UnixFileMode.UserWrite);
        scratch.Write("keys", $"mail._domainkey.example.org v=DKIM1; p={TestSignature.PublicKey(key)}\n");
    }

    [TearDown]
    public void TearDown()
    {
        foreach (var process in started.Where(IsAlive).SelectMany(process => ChildrenOf(process).Prepend(process)).ToArray())
            Kill(process, "KILL");
        started.Clear();
        scratch.Dispose();
    }

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
    public async Task AKeyThatTheUserCannotReadStaysWhenTheFileIsReadAgain()
    {
        Tools.RequireRoot();
        Start("PidFile pid", "UserID nobody:mail");
        Configure("PidFile pid", "UserID nobody:mail", "AlwaysSignHeaders X-Reloaded");
        Kill(PidOf("pid"), "HUP");
        await Tools.Eventually(() => Signature().Contains("X-Reloaded", StringComparison.Ordinal), "the new settings hold");
    }

    [TestCase("USR1")]
    [TestCase("HUP")]
    public async Task ASignalReadsTheFileAgainAndAnErrorKeepsWhatWas(string signal)
    {
        Start("PidFile pid");
        using var mta = new Mta(Socket);
        Assert.That(mta.Pass("me@example.org")[0], Does.Not.Contain("X-Reloaded"));
        Configure("PidFile pid", "AlwaysSignHeaders X-Reloaded");
        Kill(PidOf("pid"), signal);
        await Tools.Eventually(() => Signature().Contains("X-Reloaded", StringComparison.Ordinal), "the new settings hold");
        Assert.That(mta.Pass("me@example.org")[0], Does.Contain("X-Reloaded"), "on a connection that was there before, too");
        Configure("PidFile pid", "KeyFile /none");
        Kill(PidOf("pid"), signal);
        await Task.Delay(500);
        Assert.That(Signature(), Does.Contain("X-Reloaded"), "the old settings hold");
    }

    [Test]
    public void OptionsOfTheCommandLineAreForgottenWhenTheFileIsReadAgain()
    {
        Configure("PidFile pid");
        Assert.That(FilterRun.Of(scratch, "dkim-filter", "-x", "conf", "-c", "relaxed/relaxed").ExitCode, Is.Zero);
        started.Add(PidOf("pid"));
        Assert.That(Signature(), Does.Contain("relaxed/relaxed"));
        Kill(PidOf("pid"), "USR1");
        Assert.That(() => Signature(), Does.Contain("simple/simple").After(10_000, 100));
    }

    [Test]
    public async Task WithAutoRestartAnotherTakesThePlaceOfOneThatEnds()
    {
        Start("PidFile pid", "AutoRestart yes");
        var supervisor = PidOf("pid");
        var first = await ChildAsync(supervisor, 0);
        await Tools.Eventually(() => Signs(), "the first serves");
        Kill(first, "KILL");
        var second = await ChildAsync(supervisor, first);
        await Tools.Eventually(() => Signs(), "the second serves");
        Kill(supervisor, "USR1");
        await Task.Delay(300);
        Assert.That(IsAlive(supervisor) && IsAlive(second), "a signal to read again ends neither");
        Kill(supervisor, "TERM");
        await Tools.Eventually(() => !IsAlive(supervisor) && !IsAlive(second), "both end");
        Assert.That(File.Exists(Socket) || File.Exists(scratch.At("pid")), Is.False);
    }

    [Test]
    public async Task WithAutoRestartWhatWasReadAgainOutlivesTheOneThatDid()
    {
        // As a user who cannot read the key.
        string[] user = Environment.IsPrivilegedProcess ? ["UserID nobody:mail"] : [];
        string[] fixedLines = ["PidFile pid", "AutoRestart yes", .. user];
        Start(fixedLines);
        var supervisor = PidOf("pid");
        var child = await ChildAsync(supervisor, 0);
        await Tools.Eventually(() => Signs(), "the first serves");
        foreach (var name in (string[])["X-First", "X-Second"])
        {
            Configure([.. fixedLines, $"AlwaysSignHeaders {name}"]);
            File.AppendAllText(scratch.At("conf"), $"Socket local:{scratch.At("elsewhere")}\n");
            Kill(supervisor, "HUP");
            await Tools.Eventually(() => Signature().Contains(name, StringComparison.Ordinal), "they hold");
            Configure([.. fixedLines, "KeyFile /none"]);
            Kill(supervisor, "HUP");
            await Task.Delay(300);
            Kill(child, "KILL");
            child = await ChildAsync(supervisor, child);
            await Tools.Eventually(() => Signs(), "another serves at the same socket");
            Assert.That(Signature(), Does.Contain(name), "under the settings that were read last without an error");
        }

        Assert.That(File.Exists(scratch.At("elsewhere")), Is.False);
    }

    [TestCase("AutoRestartCount 1")]
    [TestCase("AutoRestartRate 1/1h")]
    public async Task TooManyRestartsEndTheSupervisor(string limit)
    {
        Start("PidFile pid", "AutoRestart yes", limit);
        var supervisor = PidOf("pid");
        var first = await ChildAsync(supervisor, 0);
        await Tools.Eventually(() => Signs(), "the first serves");
        Kill(first, "KILL");
        var second = await ChildAsync(supervisor, first);
        await Tools.Eventually(() => Signs(), "the second serves");
        Kill(second, "KILL");
        await Tools.Eventually(() => !IsAlive(supervisor), "it gives up");
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
        Assert.That(() => File.Exists(Socket), Is.False.After(10_000, 50));
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
        Assert.That(() => filter.Log, Does.Contain("the process id cannot be written").After(5_000, 50));
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
        Assert.That(() => File.Exists(Socket), Is.False.After(10_000, 50));
    }

    // What systemctl status shows.
    [Test]
    public void TheServiceManagerIsToldWhyAReloadChangesNothing()
    {
        using var manager = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        manager.Bind(new UnixDomainSocketEndPoint(scratch.At("notify")));
        manager.ReceiveTimeout = 20_000;
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

    [TestCase("AutoRestart no")]
    [TestCase("AutoRestart yes")]
    public void TheServiceManagerIsTold(string line)
    {
        using var manager = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        manager.Bind(new UnixDomainSocketEndPoint(scratch.At("notify")));
        manager.ReceiveTimeout = 20_000;
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

    [Test]
    public void TemporaryFilesStayWhereTheyAreAskedFor()
    {
        Directory.CreateDirectory(scratch.At("tmp"));
        Start("PidFile pid", "KeepTemporaryFiles yes", $"TemporaryDirectory {scratch.At("tmp")}");
        Signature();
        Assert.That(() => Directory.GetFiles(scratch.At("tmp")), Is.Not.Empty.After(5_000, 50));
        var file = Directory.GetFiles(scratch.At("tmp"))[0];
        Assert.That(Path.GetFileName(file), Does.Match(@"^dkim\.job1\..{6}$"));
        Assert.That(ModeOf(file), Is.EqualTo(0x180));
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
            $"Mode v\nSocket {Place}\nPidFile {scratch.At("pid")}\nDNSTimeout 1\nNameservers {silent.LocalEndPoint!.ToString()!.Replace(':', '@')}\n");
        Assert.That(FilterRun.Of(scratch, "dkim-filter", "-x", "verify.conf").Errors, Is.Empty);
        started.Add(PidOf("pid"));
        using var mta = new Mta(Socket);
        var clock = Stopwatch.StartNew();
        var hash = Convert.ToBase64String(new byte[32]);
        var replies = mta.Pass(
            "me@example.org", "One line.\r\n", $"DKIM-Signature: v=1; a=rsa-sha256; d=example.org; s=x; h=from; bh={hash}; b=AAAA");
        Assert.That(replies[^1], Is.EqualTo("t"));
        Assert.That(clock.Elapsed.TotalSeconds, Is.InRange(0.9, 4.5), "not the five seconds of the default");
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
            Assert.That(() => filter.Log, Does.Contain(expected).After(10_000, 50));
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

    private FilterRun Start(params string[] lines)
    {
        var run = Run(lines);
        Assert.That(run.ExitCode, Is.Zero, run.Errors);
        started.Add(PidOf("pid"));
        return run;
    }

    private FilterRun Run(params string[] lines)
    {
        Configure(lines);
        return FilterRun.Of(scratch, "dkim-filter", "-x", "conf");
    }

    private void Configure(params string[] lines) => scratch.Write("conf", string.Join('\n', Lines(lines)) + "\n");

    private string[] Lines(params string[] lines) =>
    [
        $"Socket {Place}", "Domain example.org", "Selector mail", $"KeyFile {scratch.At("mail.private")}",
        $"TestPublicKeys {scratch.At("keys")}", .. lines.Select(Located),
    ];

    // The filter may stand in another directory than the test.
    private string Located(string line) => line.StartsWith("PidFile pid", StringComparison.Ordinal)
        ? "PidFile " + scratch.At(line["PidFile ".Length..])
        : line;

    private int Code(params string[] arguments) => FilterRun.Of(scratch, "dkim-filter", arguments).ExitCode;

    private string Signature()
    {
        using var mta = new Mta(Socket);
        return mta.Pass("me@example.org")[0];
    }

    private bool Signs()
    {
        try
        {
            return Signature().Contains("DKIM-Signature", StringComparison.Ordinal);
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private async Task<int> ChildAsync(int parent, int other)
    {
        var child = 0;
        await Tools.Eventually(
            () => (child = ChildrenOf(parent).FirstOrDefault(process => process != other)) != 0, "there is a child");
        started.Add(child);
        return child;
    }

    // A thread may end between two looks.
    private static IEnumerable<int> ChildrenOf(int parent)
    {
        try
        {
            return
            [
                .. Directory.GetDirectories($"/proc/{parent}/task")
                    .SelectMany(task => File.ReadAllText($"{task}/children").Split(' ', StringSplitOptions.RemoveEmptyEntries))
                    .Select(text => int.Parse(text, CultureInfo.InvariantCulture))
                    .Where(IsAlive),
            ];
        }
        catch (IOException)
        {
            return [];
        }
    }

    private int PidOf(string file) => int.Parse(File.ReadAllText(scratch.At(file)), CultureInfo.InvariantCulture);

    private static bool IsAlive(int process) =>
        File.Exists($"/proc/{process}/stat")
        && !File.ReadAllText($"/proc/{process}/stat").Contains(") Z ", StringComparison.Ordinal);

    private static void Kill(int process, string signal)
    {
        using var kill = Process.Start("/bin/kill", ["-" + signal, process.ToString(CultureInfo.InvariantCulture)])!;
        kill.WaitForExit();
    }

    private static int ModeOf(string path) => Convert.ToInt32(Tools.Run("/", "/usr/bin/stat", "-c", "%a", path).Trim(), 8);

    private static string CoreLimit(int process) => Limit(process, "Max core file size");

    private static string Limit(int process, string name) => File.ReadAllLines($"/proc/{process}/limits")
        .First(line => line.StartsWith(name, StringComparison.Ordinal))[26..].Trim().Split(' ')[0];
}
