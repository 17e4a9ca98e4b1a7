using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using System.Text;
using Dkim.Core.Programs.Running;
using Dkim.Hosting;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Hosting;

/// <summary>Privileges, names, background, pid files, signals and systemd, shown by a process of its own.</summary>
public sealed class ProcessTests
{
    private static readonly string probe = Tools.Probe;

    private Scratch scratch = null!;

    [SetUp]
    public void Start() => scratch = new Scratch();

    [TearDown]
    public void Stop() => scratch.Dispose();

    [Test]
    public void The_name_is_that_of_the_link_the_program_was_started_by()
    {
        File.CreateSymbolicLink(scratch.At("other.name"), probe);
        Assert.That(Run(scratch.At("other.name"), "name").Output, Is.EqualTo("other.name\n"));
        Assert.That(Run(probe, "name").Output, Is.EqualTo("hostprobe\n"));
    }

    [TestCase("/usr/sbin/dkimproxy.out\0--listen", "dkimproxy.out")]
    [TestCase("dotnet\0/x/hostprobe.dll\0name", "hostprobe")]
    [TestCase("dotnet\0--roll-forward\0Major\0program.in.dll", "program.in")]
    public void The_name_is_found_in_the_command_line(string line, string name) =>
        Assert.That(OwnProcess.FindProgramName(line.Split('\0')), Is.EqualTo(name));

    [TestCase("nobody", "", "65534", "65534")]
    [TestCase("65534", "", "65534", "65534")]
    [TestCase("12345", "daemon", "12345", "1")]
    [TestCase("nobody", "daemon", "65534", "1")]
    [TestCase("12345", "23456", "12345", "23456")]
    public void Root_is_given_up_in_every_thread(string user, string group, string uid, string gid)
    {
        Tools.RequireRoot();
        var (code, output, error) = Run(probe, "become", user, group);
        Assert.That(code, Is.Zero, error);
        var lines = output.Split('\n');
        Assert.That(lines, Has.Exactly(1).StartsWith("Uid:").And.Exactly(1).EqualTo($"Uid: {uid} {uid} {uid} {uid}"));
        Assert.That(lines, Has.Exactly(1).StartsWith("Gid:").And.Exactly(1).EqualTo($"Gid: {gid} {gid} {gid} {gid}"));
        Assert.That(lines, Has.Exactly(1).StartsWith("Groups:"));
        Assert.That(lines.Single(line => line.StartsWith("Groups:", StringComparison.Ordinal)).Split(' '), Does.Contain(gid));
        Assert.That(lines, Does.Contain("shadow refused"));
    }

    [TestCase("nosuchuser", "", "no user \"nosuchuser\"")]
    [TestCase("nobody", "nosuchgroup", "no group \"nosuchgroup\"")]
    [TestCase("12345", "", "user 12345 has no group of its own")]
    public void An_unknown_account_ends_the_start(string user, string group, string message)
    {
        var (code, _, error) = Run(probe, "become", user, group);
        Assert.That(code, Is.EqualTo(77));
        Assert.That(error, Does.Contain(message).And.StartWith("Account:"));
    }

    [Test]
    public void Who_is_not_root_cannot_become_another()
    {
        var (code, _, error) = RunAsNobody("become", "daemon", "");
        Assert.That(code, Is.EqualTo(77), error);
        Assert.That(error, Does.Contain("setgid(1) failed"));
        (code, var output, error) = RunAsNobody("become", "nobody", "");
        Assert.That(code, Is.Zero, error);
        Assert.That(output, Does.Contain("shadow refused"));
    }

    [Test]
    public void A_process_of_another_user_is_alive()
    {
        var (code, _, error) = RunAsNobody("daemon", scratch.Write("pid", "1\n"), "fail");
        Assert.That(code, Is.EqualTo(75), error);
        Assert.That(error, Does.Contain("names process 1, which is running"));
    }

    [Test]
    public async Task The_background_process_is_up_when_the_command_returns()
    {
        var pidFile = scratch.At("pid");
        Assert.That(Run(probe, "daemon", pidFile, "ok").Code, Is.Zero);
        var process = int.Parse(File.ReadAllText(pidFile), CultureInfo.InvariantCulture);
        try
        {
            var stat = File.ReadAllText($"/proc/{process}/stat").Split(' ');
            Assert.That(stat[5], Is.EqualTo(process.ToString(CultureInfo.InvariantCulture)), "a session of its own");
            Assert.That(stat[6], Is.EqualTo("0"), "no terminal");
            for (var standard = 0; standard <= 2; standard++)
            {
                Assert.That(File.ResolveLinkTarget($"/proc/{process}/fd/{standard}", false)!.FullName, Is.EqualTo("/dev/null"));
            }

            var (code, _, error) = Run(probe, "daemon", pidFile, "ok");
            Assert.That(code, Is.EqualTo(75));
            Assert.That(error, Does.Contain($"names process {process}, which is running"));
        }
        finally
        {
            Kill(process, "TERM");
        }

        await Tools.Eventually(() => !File.Exists(pidFile), "the pid file is removed at the end");
        await Tools.Eventually(() => !Directory.Exists($"/proc/{process}"), "the process ends");
    }

    [TestCase("fail", 78, "the key is missing\n")]
    [TestCase("vanish", 1, "")]
    public void A_failed_start_in_the_background_is_told(string how, int expected, string said)
    {
        var (code, _, error) = Run(probe, "daemon", scratch.At("pid"), how);
        Assert.That(code, Is.EqualTo(expected));
        Assert.That(error, Is.EqualTo(said));
        Assert.That(File.Exists(scratch.At("pid")), Is.False);
    }

    [Test]
    public void A_pid_file_of_a_dead_process_is_replaced()
    {
        using var dead = Process.Start("/bin/true");
        dead.WaitForExit();
        var path = scratch.Write("pid", $"{dead.Id}\n");
        using (PidFile.Create(path))
        {
            Assert.That(File.ReadAllText(path), Is.EqualTo($"{Environment.ProcessId}\n"));
            Assert.That(Directory.GetFiles(scratch.Root), Has.Length.EqualTo(1), "nothing half-written is left");
        }

        Assert.That(File.Exists(path), Is.False);
    }

    [TestCase("")]
    [TestCase("garbage")]
    [TestCase("-1")]
    [TestCase("99999999999999999999")]
    public void A_pid_file_without_a_process_is_replaced(string content)
    {
        var path = scratch.Write("pid", content);
        PidFile.Create(path).Dispose();
        Assert.That(File.Exists(path), Is.False);
    }

    [Test]
    public void What_is_no_plain_file_in_place_of_a_pid_file_holds_nobody_up()
    {
        Tools.Run(scratch.Root, Tools.RequireProgram("mkfifo", "coreutils"), "pid");
        var refused = Task.Run(() => PidFile.RefuseIfAlive(scratch.At("pid")));
        Assert.That(refused.Wait(60_000));
    }

    [Test]
    public void A_pid_file_that_names_a_live_process_is_respected()
    {
        var path = scratch.Write("pid", "1\n");
        Assert.That(
            () => PidFile.Create(path),
            Throws.InstanceOf<StartupException>().With.Property("Fault").EqualTo(StartupFault.AlreadyRunning));
        Assert.That(File.ReadAllText(path), Is.EqualTo("1\n"));
    }

    // In a container it may have the same number each time.
    [Test]
    public void A_pid_file_that_names_this_process_is_a_stale_one()
    {
        var path = scratch.Write("pid", $"{Environment.ProcessId}\n");
        PidFile.RefuseIfAlive(path);
        PidFile.Create(path).Dispose();
        Assert.That(File.Exists(path), Is.False);
    }

    [Test]
    public void A_pid_file_that_another_process_has_taken_over_stays()
    {
        var path = scratch.At("pid");
        var file = PidFile.Create(path);
        File.WriteAllText(path, "1\n");
        file.Dispose();
        Assert.That(File.ReadAllText(path), Is.EqualTo("1\n"));
    }

    [Test]
    public void A_pid_file_never_follows_a_link()
    {
        var victim = scratch.Write("victim", "precious");
        File.CreateSymbolicLink(scratch.At("pid"), victim);
        PidFile.Create(scratch.At("pid")).Dispose();
        Assert.That(File.ReadAllText(victim), Is.EqualTo("precious"));
    }

    [Test]
    public void A_pid_file_belongs_to_the_account_of_the_service()
    {
        Tools.RequireRoot();
        using var file = PidFile.Create(scratch.At("pid"), Account.Find("nobody"));
        Assert.That(Tools.Run("/", "/usr/bin/stat", "-c", "%u %a", scratch.At("pid")), Is.EqualTo("65534 644\n"));
    }

    [Test]
    public void A_pid_file_without_a_directory_ends_the_start() => Assert.That(
        () => PidFile.Create(scratch.At("no/such/pid")),
        Throws.InstanceOf<StartupException>().With.Property("Fault").EqualTo(StartupFault.PidFile));

    [Test]
    public async Task Signals_come_one_by_one_and_kill_nobody()
    {
        using var process = Process.Start(new ProcessStartInfo(probe, ["signals"]) { RedirectStandardOutput = true })!;
        Assert.That(await process.StandardOutput.ReadLineAsync(), Is.EqualTo("up"));
        foreach (var (signal, name) in ((string, string)[])[("HUP", "Hangup"), ("USR1", "User1"), ("INT", "Interrupt"),
            ("QUIT", "Quit"), ("HUP", "Hangup"), ("TERM", "Terminate")])
        {
            Kill(process.Id, signal);
            // A shell that starts the suite in the background without job control has INT and QUIT ignored, and so have its children.
            var told = await process.StandardOutput.ReadLineAsync().WaitAsync(TimeSpan.FromSeconds(60));
            Assert.That(told, Is.EqualTo(name));
        }

        Assert.That(process.WaitForExit(60_000));
        Assert.That(process.ExitCode, Is.Zero);
    }

    [Test]
    public void Core_dumps_are_off()
    {
        var output = Run(probe, "core").Output;
        Assert.That(output, Does.Match(@"Max core file size +0 +0 ").And.Contain("dumpable 0"));
    }

    [Test]
    public void Sockets_of_systemd_are_taken_once_and_only_by_the_process_meant() =>
        Assert.That(
            Run(probe, "activate").Output,
            Is.EqualTo("for another process: 0\nfor us: 1 mail True\nonce more: 0\n"));

    private static void Kill(int process, string signal) =>
        Tools.Run("/", "/bin/kill", $"-{signal}", process.ToString(CultureInfo.InvariantCulture));

    private (int Code, string Output, string Error) RunAsNobody(params string[] arguments)
    {
        Tools.RequireRoot();
        var setpriv = Tools.RequireProgram("setpriv", "util-linux");
        // Reachable for a user without rights, as the test's own directory may not be.
        var copy = scratch.At("probe");
        if (!Directory.Exists(copy))
        {
            scratch.Open();
            Directory.CreateDirectory(copy, (UnixFileMode)0x1ED);
            foreach (var file in Directory.GetFiles(Path.GetDirectoryName(Path.GetFullPath(probe))!))
                File.Copy(file, Path.Combine(copy, Path.GetFileName(file)));
        }

        return Run(
            setpriv, ["--reuid=65534", "--regid=65534", "--clear-groups", Path.Combine(copy, Path.GetFileName(probe)), .. arguments]);
    }

    private static (int Code, string Output, string Error) Run(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output, error.Result);
    }
}
