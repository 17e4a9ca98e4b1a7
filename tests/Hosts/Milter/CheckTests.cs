using System.Diagnostics;
using System.Security.Cryptography;
using Dkim.Tests.Hosts.Hosting;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Milter;

/// <summary>dkim-filter -n and dk-filter -n: yes to what starts alone, and every problem at once.</summary>
[TestFixture]
public sealed class CheckTests
{
    private Scratch scratch = null!;

    [SetUp]
    public void SetUp() => scratch = new Scratch();

    [TearDown]
    public void TearDown() => scratch.Dispose();

    // The third line of the file, what is said of it, and the exit code; a start says the same and ends with the same.
    [TestCase("Socket foo:bar@baz", "a socket begins with inet:, inet6:, local: or unix:, or is a path", "", 78)]
    [TestCase("Socket inet:99999@127.0.0.1", "a port is a number from 0 to 65535 at character 6", "", 78)]
    [TestCase("Socket inet:127.0.0.1:8891", "at character 9", "write Socket inet:8891@127.0.0.1", 78)]
    [TestCase("Socket inet:8891@203.0.113.77", "", "", 69)]
    [TestCase("Socket local:/nosuch/socket", "", "", 69)]
    [TestCase("UserID nosuch", "there is no user \"nosuch\"", "getent passwd", 65)]
    [TestCase("UserID nosuch:nosuch", "there is no user \"nosuch\"", "getent passwd", 65)]
    [TestCase("UserID root:nosuch", "there is no group \"nosuch\"", "getent passwd", 65)]
    [TestCase("SocketGroup nosuch", "there is no group \"nosuch\"", "getent group", 65)]
    [TestCase("Nameservers nonsense", "a name server has no name here", "write Nameservers ADDRESS[@PORT]", 78)]
    [TestCase("TestPublicKeys /nosuch", "/nosuch: ", "name a file", 78)]
    [TestCase("TestPublicKeys /", "/: not a plain file", "name a file", 78)]
    [TestCase("TrustAnchorFile /nosuch", "/nosuch: ", "name a file of DS or DNSKEY records", 78)]
    [TestCase("BaseDirectory /nosuch", "/nosuch: chdir(): ", "make the directory", 78)]
    [TestCase("InternalHosts 127.0.0.1", "127.0.0.1: fopen(): file not found", "write 127.0.0.1 into a file", 78)]
    [TestCase("PeerList /", "/: fopen(): not a plain file", "", 78)]
    public void WhatCannotStartIsNamedAsAStartWouldNameIt(string line, string reason, string remedy, int exitCode)
    {
        var first = line.StartsWith("Socket ", StringComparison.Ordinal) ? "" : "Socket inet:0@127.0.0.1";
        scratch.Write("conf", $"Mode v\n{first}\n{line}\n");
        var check = FilterRun.Of(scratch, "dkim-filter", "-n", "-x", "conf");
        var key = line[..line.IndexOf(' ', StringComparison.Ordinal)];
        var value = line[(key.Length + 1)..];
        Assert.Multiple(() =>
        {
            Assert.That(check.ExitCode, Is.EqualTo(exitCode), check.Errors);
            Assert.That(check.Errors, Does.StartWith("dkim-filter: conf: ").And.Contain(reason).And.Contain(remedy));
            Assert.That(check.Errors, Does.Contain($": line 3: {key} '{value}'"));
            Assert.That(check.Output, Is.Empty);
        });
        if (key != "Socket" || exitCode == 78)
        {
            var start = FilterRun.Of(scratch, "dkim-filter", "-f", "-x", "conf");
            Assert.That((start.ExitCode, start.Errors), Is.EqualTo((exitCode, check.Errors)));
        }
        else
        {
            Assert.That(FilterRun.Of(scratch, "dkim-filter", "-f", "-x", "conf").ExitCode, Is.EqualTo(exitCode));
        }
    }

    [Test]
    public void ALineOfAListThatMeansNothingIsNoYes()
    {
        scratch.Write("hosts", "192.0.2.0/24\n192.0.2.0/33\n");
        scratch.Write("conf", "Mode v\nSocket inet:0@127.0.0.1\nInternalHosts hosts\n");
        var check = FilterRun.Of(scratch, "dkim-filter", "-n", "-x", "conf");
        Assert.That(check.ExitCode, Is.EqualTo(78));
        Assert.That(check.Errors, Does.Contain("hosts: ").And.Contain("line 2: '192.0.2.0/33'"));
    }

    [Test]
    public void WithoutASocketNothingStarts()
    {
        scratch.Write("conf", "Mode v\n");
        var check = FilterRun.Of(scratch, "dkim-filter", "-n", "-x", "conf");
        Assert.That(check.ExitCode, Is.EqualTo(78));
        Assert.That(check.Errors, Does.StartWith("dkim-filter: milter socket must be specified (write Socket inet:"));
    }

    [Test]
    public void EverythingThatIsWrongIsToldAtOnce()
    {
        scratch.Write("conf", "Socket inet:127.0.0.1:8891\nUserID nosuch\nSocketGroup nosuch\nNameservers x\nDomian example.org\n"
            + "TestPublicKeys /nosuch\nBaseDirectory /nosuch\nKeyFile /nosuch.private\nSelector mail\nInternalHosts /nosuch\n");
        var check = FilterRun.Of(scratch, "dkim-filter", "-n", "-x", "conf");
        var lines = check.Errors.TrimEnd().Split('\n');
        Assert.That(lines, Has.Length.EqualTo(9), check.Errors);
        for (var line = 1; line <= 10; line++)
        {
            if (line != 9)
                Assert.That(check.Errors, Does.Contain($"line {line}: "), check.Errors);
        }

        Assert.That(check.ExitCode, Is.EqualTo(78));
    }

    [Test]
    public void WhoSignsForWhomIsTold()
    {
        Key("mail.private");
        if (Environment.IsPrivilegedProcess)
            Tools.Run("/", "/bin/sh", "-c", $"chgrp 200 '{scratch.At("mail.private")}' && chmod 640 '{scratch.At("mail.private")}'");
        scratch.Write("conf", "Socket inet:0@127.0.0.1\nDomain example.org\nSelector mail\nKeyFile mail.private\n");
        var check = FilterRun.Of(scratch, "dkim-filter", "-n", "-x", "conf");
        Assert.That(
            (check.ExitCode, check.Output, check.Errors),
            Is.EqualTo((0, "*@example.org: d=example.org s=mail rsa 2048 bits\n", "")));
        var dk = FilterRun.Of(
            scratch, "dk-filter", "-n", "-p", "inet:0@127.0.0.1", "-d", "example.org", "-S", "mail", "-s", "mail.private");
        Assert.That(
            (dk.ExitCode, dk.Output, dk.Errors),
            Is.EqualTo((0, "*@example.org: d=example.org s=mail rsa 2048 bits\n", "")));
    }

    [Test]
    public void DkFilterIsCheckedByItsLetters()
    {
        var run = FilterRun.Of(scratch, "dk-filter", "-n", "-p", "inet:127.0.0.1:8891", "-u", "nosuch", "-s", "nosuch", "-S", "mail");
        Assert.That(run.ExitCode, Is.EqualTo(78));
        Assert.That(run.Errors, Does
            .Contain("-p 'inet:127.0.0.1:8891' (write -p inet:8891@127.0.0.1)").And
            .Contain("there is no user \"nosuch\": -u 'nosuch'").And
            .Contain("nosuch: open(): file not found: -s 'nosuch'"));
    }

    // As the user of the service: what it may not read is no start, and what root alone may read is no reload.
    [Test]
    public void AKeyThatTheUserOfTheServiceMayNotReadIsToldByItsRemedy()
    {
        Tools.RequireRoot();
        Key("mail.private");
        File.SetUnixFileMode(scratch.At("mail.private"), UnixFileMode.UserRead);
        scratch.Open();
        scratch.Write("conf", "Socket inet:0@127.0.0.1\nDomain example.org\nSelector mail\nKeyFile mail.private\n");
        var asNobody = Tools.RequireProgram("setpriv", "util-linux");
        using var process = Process.Start(new ProcessStartInfo(
            asNobody,
            ["--reuid=nobody", "--regid=nogroup", "--clear-groups", FilterProcess.Path(scratch, "dkim-filter"), "-n", "-x", "conf"])
        {
            WorkingDirectory = scratch.Root,
            RedirectStandardError = true,
        })!;
        var errors = process.StandardError.ReadToEnd();
        process.WaitForExit();
        Assert.That(process.ExitCode, Is.EqualTo(78), errors);
        Assert.That(errors, Does.Contain("mail.private: open(): permission denied: line 4: KeyFile 'mail.private'").And
            .Contain("let user nobody read it").And.Contain("chown root:nobody mail.private; chmod 0640 mail.private"));

        scratch.Write("conf", "Socket inet:0@127.0.0.1\nDomain example.org\nSelector mail\nKeyFile mail.private\nUserID nobody:nogroup\n");
        var asRoot = FilterRun.Of(scratch, "dkim-filter", "-n", "-x", "conf");
        Assert.That(asRoot.ExitCode, Is.Zero, "root reads it before it becomes the user");
        Assert.That(asRoot.Errors, Does.Contain("mail.private: Permission denied; a start can read it, a reload cannot"));
    }

    [Test]
    public void ADirectoryOfRunIsTheServiceManagersToMake()
    {
        Assert.That(Check("/run/dkim-none"), Is.EqualTo((0, "")));
        Assert.That(Check("/srv/dkim-none").Code, Is.Not.Zero);

        (int Code, string Errors) Check(string directory)
        {
            scratch.Write("conf", $"Mode v\nSocket local:{directory}/socket\nPidFile {directory}/pid\n");
            var run = FilterRun.Of(scratch, "dkim-filter", "-n", "-x", "conf");
            return (run.ExitCode, run.Errors);
        }
    }

    // The set-up of docs/milter.md: User= stands in the unit, and the check is called by root.
    [Test]
    public void AKeyThatAUnitsUserReadsIsAllRightAndOneThatRootAloneReadsIsTold()
    {
        Tools.RequireRoot();
        Key("mail.private");
        scratch.Write("conf", "Socket inet:0@127.0.0.1\nDomain example.org\nSelector mail\nKeyFile mail.private\n");
        Assert.That(
            FilterRun.Of(scratch, "dkim-filter", "-n", "-x", "conf").Errors,
            Does.Contain("mail.private: root alone can read it; where a unit starts the service as another user, chgrp it"));
        File.SetUnixFileMode(scratch.At("mail.private"), (UnixFileMode)0x1A0);
        Tools.Run("/", "/bin/chgrp", "200", scratch.At("mail.private"));
        var check = FilterRun.Of(scratch, "dkim-filter", "-n", "-x", "conf");
        Assert.That((check.ExitCode, check.Errors), Is.EqualTo((0, "")));
    }

    // Its own group is not the only one that a user is in, be it by the table of groups or by a unit.
    [TestCase("UserID nobody:nogroup", "mount --bind group /etc/group && exec \"$0\" -n -x conf")]
    [TestCase("", "exec setpriv --reuid=nobody --regid=nogroup --groups=200 \"$0\" -n -x conf")]
    public void AKeyOfASupplementaryGroupIsAllRight(string line, string start)
    {
        Tools.RequireRoot();
        Key("mail.private");
        scratch.Open();
        Tools.Run("/", "/bin/sh", "-c", $"chgrp 200 '{scratch.At("mail.private")}' && chmod 640 '{scratch.At("mail.private")}'");
        scratch.Write("group", File.ReadAllText("/etc/group") + "keepers:x:200:nobody\n");
        scratch.Write("conf", $"Socket inet:0@127.0.0.1\nDomain example.org\nSelector mail\nKeyFile mail.private\n{line}\n");
        using var process = Process.Start(new ProcessStartInfo(
            Tools.RequireProgram("unshare", "util-linux"),
            ["--mount", "/bin/sh", "-c", start, FilterProcess.Path(scratch, "dkim-filter")])
        {
            WorkingDirectory = scratch.Root,
            RedirectStandardError = true,
        })!;
        var errors = process.StandardError.ReadToEnd();
        process.WaitForExit();
        Assert.That((process.ExitCode, errors), Is.EqualTo((0, "")));
    }

    [Test]
    public void WhatTheUserOfTheServiceMayNotDoIsNoYes()
    {
        Tools.RequireRoot();
        scratch.Open();
        Directory.CreateDirectory(scratch.At("closed"), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        scratch.Write("closed/records", "a.example v=x\n");
        var path = scratch.At("closed");
        scratch.Write(
            "conf",
            $"Mode v\nUserID nobody:nogroup\nSocket local:{path}/socket\nTestPublicKeys {path}/records\nSocketGroup mail\n"
            + $"TemporaryDirectory {path}\n");
        var check = FilterRun.Of(scratch, "dkim-filter", "-n", "-x", "conf");
        Assert.That(check.ExitCode, Is.EqualTo(78));
        Assert.That(check.Errors, Does.Contain("line 3: Socket").And.Contain("line 4: TestPublicKeys").And.Contain("line 6: TemporaryDirectory"));
        scratch.Write("conf", $"Mode v\nUserID nobody:nogroup\nSocket local:/tmp/socket-{Guid.NewGuid():N}\nSocketGroup mail\n");
        check = FilterRun.Of(scratch, "dkim-filter", "-n", "-x", "conf");
        Assert.That(check.ExitCode, Is.EqualTo(69));
        Assert.That(check.Errors, Does.Contain("line 4: SocketGroup 'mail' (add the user to the group: adduser USER mail)"));
    }

    private void Key(string name)
    {
        using var key = RSA.Create(2048);
        scratch.Write(name, key.ExportPkcs8PrivateKeyPem());
        File.SetUnixFileMode(scratch.At(name), UnixFileMode.UserRead | UnixFileMode.UserWrite);
    }
}
