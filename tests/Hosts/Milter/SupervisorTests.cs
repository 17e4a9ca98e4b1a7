using Dkim.Core.Programs.Running;
using Dkim.Tests.Hosts.Hosting;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Milter;

/// <summary>dkim-filter with AutoRestart: what a supervisor starts again, and when it gives up.</summary>
[TestFixture]
public sealed class SupervisorTests : ServiceFixture
{
    [Test]
    public async Task WithAutoRestartAnotherTakesThePlaceOfOneThatEnds()
    {
        Start("PidFile pid", "AutoRestart yes");
        var supervisor = PidOf("pid");
        var first = await ChildAsync(supervisor, 0);
        await Tools.Eventually(() => Signs(), "the first serves");
        Assert.That(PidOf("pid"), Is.EqualTo(supervisor), "whoever stops it by its number stops both");
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

    // So that a service manager sees it.
    [Test]
    public async Task ASupervisorThatGivesUpSaysSoByItsExitCode()
    {
        Configure("Background no", "AutoRestart yes", "AutoRestartCount 1");
        using var supervisor = FilterProcess.StartPlain(scratch, "dkim-filter", Place, "-x", "conf");
        var first = await ChildAsync(supervisor.Id, 0);
        Kill(first, "KILL");
        var second = await ChildAsync(supervisor.Id, first);
        Kill(second, "KILL");
        Assert.That(await supervisor.EndAsync(), Is.EqualTo(69), supervisor.Log);
    }

    [Test]
    public async Task ASignalBehindTheOneToStopStartsNothingAgain()
    {
        Start("PidFile pid", "AutoRestart yes");
        var supervisor = PidOf("pid");
        await Tools.Eventually(() => Signs(), "it serves");
        using var mta = new Mta(Socket);
        mta.Pass("me@example.org", () =>
        {
            Kill(supervisor, "TERM");
            Assert.That(() => Signs(), Is.False.After(60_000, 50), "the signal is heeded");
            Kill(supervisor, "HUP");
        });
        await Tools.Eventually(() => !IsAlive(supervisor), "it ends");
        Assert.That(Signs(), Is.False);
    }
}
