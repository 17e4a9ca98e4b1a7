using System.Diagnostics;
using Dkim.Core.Programs.Running;
using Dkim.Hosting;
using Dkim.QmailHost;
using Dkim.Tests.Hosts.Hosting;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Qmail;

/// <summary>Whatever goes wrong on our side is an exit code of qmail-queue, and nothing is handed on.</summary>
[Parallelizable(ParallelScope.All)]
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class FaultTests
{
    private const string Message = "From: Joe <joe@example.org>\nSubject: tea\n\nHello \n\n";
    private const string FromFile = """exec "$0" <"$MESSAGE" 1<"$ENVELOPE" """;

    private Chain chain = null!;

    private static string Large { get; } = Message + new string('x', 3_000_000);

    [SetUp]
    public void Start() => chain = new Chain();

    [TearDown]
    public void Stop() => chain.Dispose();

    private static void Refused(Ended ended, int code, string reason = "")
    {
        Assert.That(ended.Code, Is.EqualTo(code));
        Assert.That(ended.Queued, Is.Empty);
        Assert.That(ended.Said, Does.Match("^qmail-dk: .{15,}\n$").And.Contain(reason));
    }

    [Test]
    public void Letters_refuse()
    {
        Refused(chain.Run(Message, chain.Verifying("DKVERIFY=C")), 13);
        Refused(chain.Run(Message, chain.Verifying("DKVERIFY=c")), 82);
        Refused(chain.Run(Message, chain.Verifying("DKIMVERIFY=S")), 13);
        Refused(chain.Run(Message, chain.Verifying("DKIMVERIFY=s", "DKVERIFY=")), 82);
    }

    [Test]
    public void Keys_that_are_missing_or_of_no_use()
    {
        Refused(chain.Run(Message, "RELAYCLIENT=", "DKSIGN=/nowhere/private"), 32, "/nowhere/private: no such file; ");
        Refused(chain.Run(Message, "RELAYCLIENT=", "DKSIGN="), 32);
        Refused(chain.Run(Message, "RELAYCLIENT=", $"DKSIGN={chain.At("keys")}"), 55, "cannot be read: ");
        chain.Write("keys/example.org/default", "no key\n");
        Refused(chain.Run(Message, chain.Signing()), 55);
    }

    [Test]
    public void A_pipe_in_the_place_of_a_key_stops_no_mail()
    {
        File.Delete(chain.At("keys/example.org/default"));
        Tools.Run("/", "/usr/bin/mkfifo", chain.At("keys/example.org/default"));
        const string Line = """exec /usr/bin/timeout 60 "$0" <"$MESSAGE" 1<"$ENVELOPE" """;
        Refused(chain.Shell(Line, Message, chain.Signing()), 55, "cannot be read: ");
    }

    [Test]
    public void Keys_in_a_directory_that_may_not_be_entered_let_no_mail_go_unsigned()
    {
        Tools.RequireRoot();
        Directory.CreateDirectory(chain.At("closed"));
        Directory.Move(chain.At("keys"), chain.At("closed/keys"));
        Tools.Run(chain.At(""), "/bin/chmod", "755", ".", "closed/keys/example.org/default");
        Tools.Run(chain.At(""), "/bin/chmod", "777", "queue");
        const string Line =
            """exec /usr/bin/setpriv --reuid=65534 --regid=65534 --clear-groups "$0" <"$MESSAGE" 1<"$ENVELOPE" """;
        string[] signing = ["RELAYCLIENT=", $"DKSIGN={chain.At("closed/keys")}/%/default"];
        Assert.That(chain.Shell(Line, Message, signing).Only.Text, Does.Contain("DomainKey-Signature: "));
        Tools.Run(chain.At(""), "/bin/chmod", "700", "closed");
        Refused(chain.Shell(Line, Message, signing), 55, "cannot be read: Permission denied");
    }

    [Test]
    public void Settings_that_are_wrong()
    {
        Refused(chain.Run(Message, "DKTIMEOUT=never"), 55, "DKTIMEOUT: 'never': ");
        var signed = chain.Run(Message, chain.Signing()).Only.Text;
        Refused(chain.Run(signed, "DKVERIFY=", "DKTESTKEYS=/nowhere"), 55, "DKTESTKEYS: /nowhere: No such file");
        Refused(chain.Run(signed, "DKVERIFY=", "DKNAMESERVER=here"), 55, "DKNAMESERVER");
    }

    [Test]
    public void No_home_and_no_next_program()
    {
        foreach (var mode in new[] { [], chain.Signing(), chain.Verifying("DKVERIFY=") })
        {
            Refused(chain.Run(Message, [.. mode, "DKHOME=/nowhere"]), 61, "the qmail home /nowhere: No such file");
            Refused(chain.Run(Message, [.. mode, "DKQUEUE=bin/nothing"]), 120, "the next program bin/nothing: No such file");
            Refused(chain.Run(Message, [.. mode, "DKQUEUE=control/me"]), 120);
        }
    }

    [Test]
    public void Variables_that_are_set_to_nothing_fail_no_mail()
    {
        // DKHOME is the one that a test cannot do without.
        string[] empty = ["TMPDIR=", "DKNAMESERVER=", "DKTESTKEYS=", "DKTIMEOUT=", "DKQUEUE=", "DKIMQUEUE="];
        Assert.That(chain.Run(Large, chain.Signing(empty)).Only.Text, Does.StartWith("Comment: DomainKeys?"));
        Assert.That(chain.Run(Message, [.. empty, "DKVERIFY="]).Only.Text, Does.StartWith("DomainKey-Status: no sig"));
        Refused(chain.Run(Message, "DKHOME="), 61, "the qmail home /var/qmail: ");
    }

    [Test]
    public void A_chain_that_leads_back_ends()
    {
        chain.Write("wrapper", $"#!/bin/sh\nexec '{Chain.Program}'\n");
        Tools.Run("/", "/bin/chmod", "755", chain.At("wrapper"));
        foreach (var mode in new[] { [], chain.Signing(), chain.Verifying("DKVERIFY=") })
        {
            Refused(chain.Run(Message, [.. mode, $"DKQUEUE={Chain.Program}"]), 55, "leads back to qmail-dk");
            Refused(chain.Run(Message, [.. mode, $"DKIMQUEUE={chain.At("wrapper")}"]), 55, "leads back to qmail-dk");
        }
    }

    [TestCase("DKVERIFY=C", 13, "Dmessage refused, DomainKeys: no signature (#5.7.1)")]
    [TestCase("DKIMVERIFY=s", 82, "Zmessage refused, DKIM: no signature (#4.7.1)")]
    [TestCase("DKTIMEOUT=x", 55, "")]
    public void The_client_of_notqmail_is_told_why(string setting, int code, string reply)
    {
        // As qmail_open of notqmail 1.09 does it: a pipe at descriptor 6, whose text counts with the exit code 82.
        const string Line = """
            reply=$("$0" 6>&1 <"$MESSAGE" 1<"$ENVELOPE"); code=$?; printf %s "$reply" >"$QQ_DIR/../reply"; exit $code
            """;
        Refused(chain.Shell(Line, Message, chain.Verifying(setting)), reply.Length > 0 ? 82 : code);
        Assert.That(File.ReadAllText(chain.At("reply")), Is.EqualTo(reply));
        // Others have no pipe there, or one for something else.
        foreach (var six in new[] { "6>&-", "6>/dev/null", "6>\"$QQ_DIR/../file\"" })
        {
            Refused(chain.Shell($"exec \"$0\" {six} <\"$MESSAGE\" 1<\"$ENVELOPE\"", Message, chain.Verifying(setting)), code);
        }

        Refused(chain.Shell("true | exec \"$0\" 6<&0 <\"$MESSAGE\" 1<\"$ENVELOPE\"", Message, chain.Verifying(setting)), code);
    }

    [Test]
    public void Without_a_descriptor_for_errors_nothing_is_written_elsewhere()
    {
        const string Line = """exec "$0" <"$MESSAGE" 1<"$ENVELOPE" 2>&- """;
        var ended = chain.Shell(Line, Message, chain.Verifying("DKVERIFY=C"));
        Assert.That((ended.Code, ended.Said), Is.EqualTo((13, "")));
    }

    [Test]
    public void Descriptors_that_cannot_be_read()
    {
        Refused(chain.Shell("""exec "$0" <&- 1<"$ENVELOPE" """, Message, chain.Signing()), 54);
        Refused(chain.Shell("""exec "$0" </ 1<"$ENVELOPE" """, Message, chain.Signing()), 54);
        Refused(chain.Shell("""exec "$0" <"$MESSAGE" >&- """, Message, chain.Signing()), 54);
    }

    [Test]
    public void A_full_disk()
    {
        Refused(chain.Shell("ulimit -f 2000; " + FromFile, Large, chain.Signing()), 53);
        Refused(chain.Run(Large, chain.Signing("TMPDIR=/nowhere")), 63);
        Tools.RequireRoot();
        Directory.CreateDirectory(chain.At("small"));
        using var mount = Process.Start(
            new ProcessStartInfo("/bin/mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", chain.At("small")]) { RedirectStandardError = true })!;
        mount.WaitForExit();
        if (mount.ExitCode != 0)
        {
            Assert.Ignore("left out: no file system can be mounted here");
        }

        try
        {
            Refused(chain.Run(Large, chain.Signing($"TMPDIR={chain.At("small")}")), 53);
        }
        finally
        {
            Tools.Run("/", "/bin/umount", chain.At("small"));
        }
    }

    [Test]
    public void No_descriptors()
    {
        if (!Chain.IsNative)
        {
            Assert.Ignore("left out: the .NET runtime itself needs descriptors; build the native program");
        }

        var codes = new List<int>();
        for (var limit = 3; limit < 12; limit++)
        {
            // The system's loader needs some, too: below four it cannot even start a program.
            var line = $"exec prlimit --nofile={limit} \"$0\" <\"$MESSAGE\" 1<\"$ENVELOPE\"";
            var ended = chain.Shell(line, Message, chain.Verifying("DKVERIFY=", "DKQUEUE=/bin/true", "PATH=/usr/bin:/bin"));
            Assert.That(ended.Code is 0 or > 40, $"exit {ended.Code} with {limit}");
            codes.Add(ended.Code);
        }

        Assert.That(codes, Does.Contain(63).And.Contain(0));
    }

    // What softlimit -m 128000000 does; docs/qmail.md names the figure.
    [Test]
    public void The_limit_that_the_documents_name_is_enough()
    {
        if (!Chain.IsNative)
        {
            Assert.Ignore("left out: the .NET runtime itself needs more; build the native program");
        }

        var fields = string.Concat(Enumerable.Repeat($"X-Filler: {new string('y', 500)}\n", 1900));
        const string Line =
            "exec prlimit --as=128000000 --data=128000000 --stack=128000000 \"$0\" <\"$MESSAGE\" 1<\"$ENVELOPE\"";
        foreach (var message in new[] { Message, Large, fields + Message })
        {
            var signed = chain.Run(message, chain.Signing()).Only.Text;
            for (var i = 0; i < 25; i++)
            {
                var ended = chain.Shell(Line, message, chain.Signing($"DKIMSIGN={chain.At("keys")}/%/default", "PATH=/usr/bin:/bin"));
                Assert.That((ended.Code, ended.Said), Is.EqualTo((0, "")));
                ended = chain.Shell(Line, signed, chain.Verifying("DKVERIFY=", "DKIMVERIFY=", "PATH=/usr/bin:/bin"));
                Assert.That((ended.Code, ended.Said), Is.EqualTo((0, "")));
                Assert.That(ended.Only.Text, Does.StartWith("DomainKey-Status: good"));
            }
        }
    }

    [Test]
    public void Little_memory()
    {
        // Whichever allocation fails, be it the runtime's own: for now, and never 0.
        foreach (var kilobytes in new[] { 20_000, 60_000, 200_000 })
        {
            var ended = chain.Shell($"ulimit -c 0; ulimit -v {kilobytes}; " + FromFile, Large, chain.Verifying("DKVERIFY=B"));
            Assert.That(ended.Code is 0 or > 40, $"exit {ended.Code} with {kilobytes} KiB");
            Assert.That(ended.Queued, Has.Count.EqualTo(ended.Code == 0 ? 1 : 0));
        }
    }

    [Test]
    public void Keys_that_cannot_be_looked_up()
    {
        var signed = chain.Run(Message, chain.Signing()).Only.Text;
        string[] dead = [$"DKNAMESERVER=127.0.0.1:{Tools.FreePort()}", "DKTIMEOUT=1"];
        Refused(chain.Run(signed, [.. dead, "DKVERIFY=f"]), 82);
        Assert.That(chain.Run(signed, [.. dead, "DKVERIFY="]).Only.Text, Does.StartWith("DomainKey-Status: no key      \n"));
    }

    [Test]
    public void A_server_that_never_answers_is_waited_for_only_so_long()
    {
        var signed = chain.Run(Message, chain.Signing()).Only.Text;
        using var silent = new System.Net.Sockets.UdpClient(new System.Net.IPEndPoint(System.Net.IPAddress.Loopback, 0));
        var port = ((System.Net.IPEndPoint)silent.Client.LocalEndPoint!).Port;
        var watch = Stopwatch.StartNew();
        Refused(chain.Run(signed, $"DKNAMESERVER=127.0.0.1:{port}", "DKTIMEOUT=1", "DKVERIFY=f"), 82);
        Assert.That(watch.Elapsed.TotalSeconds, Is.InRange(0.9, 9.5), "not the ten seconds of the default");
    }

    [Test]
    public void A_message_that_does_not_come_in_time()
    {
        var late = Assert.Throws<QueueFault>(
            () => new Dkim.QmailHost.Message(chain.At(""), TimeProvider.System).ReadNext(TimeProvider.System.Milliseconds() - 1));
        Assert.That(late!.Code, Is.EqualTo(52));
    }

    [Test]
    public void Set_user_id_it_trusts_no_path_of_its_caller()
    {
        Tools.RequireRoot();
        if (!Chain.IsNative)
        {
            Assert.Ignore("left out: it needs the native program");
        }

        var privileged = chain.At("qmail-dk");
        File.Copy(Chain.Program, privileged);
        var open = UnixFileMode.UserRead | UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;
        File.SetUnixFileMode(privileged, open | UnixFileMode.SetUser);
        File.SetUnixFileMode(chain.At(""), open | UnixFileMode.OtherRead);
        File.SetUnixFileMode(chain.At("queue"), (UnixFileMode)0x1FF);
        var line = $"exec setpriv --reuid=65534 --regid=65534 --clear-groups '{privileged}' <\"$MESSAGE\" 1<\"$ENVELOPE\"";
        if (Directory.Exists("/var/qmail"))
        {
            Assert.Ignore("left out: there is a qmail here");
        }

        Refused(chain.Shell(line, Message), 61);
    }
}
