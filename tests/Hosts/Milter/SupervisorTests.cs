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
}
