using Dkim.Core.Programs.Running;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Qmail;

/// <summary>What the next program gets, and that its exit code is ours.</summary>
[Parallelizable(ParallelScope.All)]
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class HandingOnTests
{
    private const string Message = "From: Joe <joe@example.org>\nSubject: tea\n\nHello \n\n";

    private Chain chain = null!;

    [SetUp]
    public void Start() => chain = new Chain();

    [TearDown]
    public void Stop() => chain.Dispose();

    private string[] Mode(string mode) => mode switch
    {
        "idle" => [],
        "unsigned" => ["RELAYCLIENT=", $"DKSIGN={chain.At("keys")}/%/none"],
        "no key at all" => ["RELAYCLIENT=", "DKSIGN=/nowhere/%/none"],
        "signed" => chain.Signing(),
        _ => chain.Verifying("DKVERIFY="),
    };

    [Test]
    public void Its_exit_code_is_ours(
        [Values("idle", "unsigned", "signed", "verified")] string mode,
        [Values(0, 1, 11, 31, 40, 51, 52, 53, 54, 55, 61, 62, 63, 64, 65, 66, 71, 74, 81, 91, 120, 255)] int code)
    {
        var ended = chain.Run(Message, [.. Mode(mode), $"QQ_EXIT={code}"]);
        Assert.That(ended.Code, Is.EqualTo(code));
        Assert.That(ended.Only.Text, Does.EndWith(Message));
        Assert.That(ended.Said, Is.Empty, "what it says of itself is its own business");
    }

    [Test]
    public void It_gets_what_qmail_queue_gets([Values("idle", "unsigned", "no key at all", "signed", "verified")] string mode)
    {
        string[] variables = [.. Mode(mode), "OTHER=as it was"];
        var ended = chain.Run(Message, variables);
        Assert.That(ended.Code, Is.Zero);
        Assert.That(ended.Only.Envelope, Is.EqualTo(Chain.Envelope));
        Assert.That(ended.Only.About("argument"), Is.EqualTo(new[] { "bin/qmail-queue" }));
        Assert.That(ended.Only.About("directory"), Is.EqualTo(new[] { chain.At("home") }));
        Assert.That(ended.Only.About("variable"), Is.SupersetOf(variables));
        if (mode is "idle" or "no key at all")
        {
            Assert.That(ended.Only.Text, Is.EqualTo(Message));
        }

        Assert.That(ended.Only.About("mask"), Is.EqualTo(new[] { "033" }));
        var alone = chain.Shell("""exec "$DKHOME/bin/qmail-queue" <"$MESSAGE" 1<"$ENVELOPE" """, Message).Only.About("descriptor");
        Assert.That(ended.Only.About("descriptor"), Is.EquivalentTo(alone), "nothing of ours is left open");
        var signals = ended.Only.Info.Where(line => line.StartsWith("SigBlk", StringComparison.Ordinal)
            || line.StartsWith("SigIgn", StringComparison.Ordinal));
        Assert.That(signals, Is.All.EndsWith("\t0000000000000000"), "no signal is blocked or ignored, SIGPIPE neither");
    }

    // As a filter line of a chain that forgot RELAYCLIENT.
    [Test]
    public void Keys_without_a_mark_of_our_own_mail_sign_nothing_and_say_so()
    {
        var ended = chain.Run(Message, $"DKIMSIGN={chain.At("keys")}/%/default");
        Assert.That(ended.Code, Is.Zero);
        Assert.That(ended.Only.Text, Is.EqualTo(Message));
        Assert.That(ended.Said, Does.StartWith("qmail-dk: not signed: DKIMSIGN is set, but RELAYCLIENT is not"));
        Assert.That(chain.Run(Message, chain.Signing()).Said, Is.Empty);
    }

    [Test]
    public void Signals_that_were_ignored_stay_so()
    {
        var ended = chain.Shell("""trap "" HUP USR2; exec "$0" <"$MESSAGE" 1<"$ENVELOPE" """, Message, chain.Signing());
        Assert.That(ended.Only.Info, Has.Some.EqualTo("SigIgn:\t0000000000000801"));
    }

    [Test]
    public void A_program_that_is_killed_looks_so(
        [Values("idle", "signed", "verified")] string mode, [Values(9, 11, 13, 15)] int signal)
    {
        var ended = chain.Run(Message, [.. Mode(mode), $"QQ_SIGNAL={signal}"]);
        Assert.That(ended.Code, Is.EqualTo(128 + signal));
    }

    [Test]
    public void A_program_may_be_slow_or_not_read_at_all()
    {
        var large = Message + new string('x', 3_000_000);
        var slow = chain.Run(large, chain.Signing("QQ_WAIT=700"));
        Assert.That(slow.Only.Text, Does.EndWith(large));
        foreach (var message in new[] { Message, large })
        {
            var ended = chain.Run(message, chain.Signing("QQ_READ=0", "QQ_EXIT=53"));
            Assert.That(ended.Code, Is.EqualTo(53), "no broken pipe hides its own exit code");
        }
    }

    [Test]
    public void An_envelope_that_is_wrong_is_its_business()
    {
        chain.Write("envelope", "Fjoe@example.org\0Xann\0\0");
        Assert.That(chain.Run(Message, chain.Signing()).Code, Is.EqualTo(91));
    }

    [Test]
    public void The_name_qmail_queue_means_the_original_beside_it()
    {
        File.Move(chain.At("home/bin/qmail-queue"), chain.At("home/bin/qmail-queue.orig"));
        File.CreateSymbolicLink(chain.At("home/bin/qmail-queue"), Chain.Program);
        const string Line = """exec "$DKHOME/bin/qmail-queue" <"$MESSAGE" 1<"$ENVELOPE" """;
        Assert.That(chain.Shell(Line, Message, chain.Signing()).Only.About("argument"), Is.EqualTo(new[] { "bin/qmail-queue.orig" }));
        Assert.That(chain.Shell(Line, Message).Only.Text, Is.EqualTo(Message));
        var bare = """cd "$DKHOME/bin"; PATH=.; exec qmail-queue <"$MESSAGE" 1<"$ENVELOPE" """;
        File.CreateSymbolicLink(chain.At("other"), chain.At("home/bin/qmail-queue.orig"));
        var named = chain.Shell(bare, Message, [.. chain.Signing(), $"DKQUEUE={chain.At("other")}"]);
        Assert.That(named.Only.About("argument"), Is.EqualTo(new[] { chain.At("other") }));
    }

    [Test]
    public void DKIMQUEUE_counts_where_DKQUEUE_does_not()
    {
        File.CreateSymbolicLink(chain.At("home/bin/other"), chain.At("home/bin/qmail-queue"));
        Assert.That(chain.Run(Message, "DKIMQUEUE=bin/other", "DKQUEUE=").Only.About("argument"), Is.EqualTo(new[] { "bin/other" }));
        Assert.That(
            chain.Run(Message, "DKIMQUEUE=bin/none", "DKQUEUE=bin/other").Only.About("argument"), Is.EqualTo(new[] { "bin/other" }));
    }

    [Test]
    public void Nothing_is_handed_on_before_the_message_is_whole()
    {
        using var process = chain.Start("""exec "$0" 1<"$ENVELOPE" """, chain.Signing());
        process.StandardInput.Write(Message);
        process.StandardInput.Flush();
        foreach (var signal in new[] { "HUP", "INT", "QUIT" })
        {
            Thread.Sleep(150);
            Hosting.Tools.Run("/", "/bin/kill", "-" + signal, process.Id.ToString());
        }

        Thread.Sleep(150);
        Assert.That(process.HasExited, Is.False, "signals of a terminal do not end it");
        Assert.That(chain.Take(), Is.Empty);
        process.Kill();
        Assert.That(chain.End(process).Queued, Is.Empty);
    }

    [Test]
    public void Two_hundred_at_once()
    {
        var runs = Enumerable.Range(0, 200).Select(async i =>
        {
            var envelope = $"Fjoe@example.org\0Tuser{i}@example.net\0\0";
            chain.Write($"envelope{i}", envelope);
            using var process = chain.Start($"exec \"$0\" 1<'{chain.At($"envelope{i}")}'", chain.Signing());
            await process.StandardInput.WriteAsync($"From: joe@example.org\nSubject: {i}\n\n{new string('b', i * 500)}\n");
            process.StandardInput.Close();
            await process.WaitForExitAsync();
            return process.ExitCode;
        });
        Assert.That(Task.WhenAll(runs).Result, Is.All.Zero);
        var all = chain.Take();
        Assert.That(all, Has.Count.EqualTo(200));
        foreach (var queued in all)
        {
            var number = queued.Envelope.Split("Tuser")[1].Split('@')[0];
            Assert.That(queued.Text, Does.Contain($"\nSubject: {number}\n"));
            Assert.That(queued.Text, Does.StartWith("Comment: DomainKeys?"));
        }
    }
}
