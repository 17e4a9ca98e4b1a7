using Dkim.Core.Programs.Running;
using Dkim.Tests.Hosts.Hosting;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Milter;

/// <summary>dkim-filter as a service: what a signal to read the file again changes.</summary>
[TestFixture]
public sealed class ServiceReloadTests : ServiceFixture
{
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
    public void RecordsInPlaceOfTheDnsAreReadAgain()
    {
        Start("PidFile pid");
        var signature = Signature()[5..].TrimEnd('\0').Replace("\0", ": ", StringComparison.Ordinal);
        var records = File.ReadAllText(scratch.At("keys"));
        scratch.Write("keys", "mail._domainkey.example.org v=DKIM1; p=\n");
        Kill(PidOf("pid"), "HUP");
        Assert.That(Results, Does.Contain("dkim=").And.Not.Contain("dkim=pass").After(60_000, 100), "the key is revoked");
        scratch.Write("keys", records);
        Kill(PidOf("pid"), "HUP");
        Assert.That(Results, Does.Contain("dkim=pass").After(60_000, 100));

        string Results()
        {
            using var mta = new Mta(Socket, "192.0.2.1");
            return string.Concat(mta.Pass("me@example.org", "One line.\r\n", signature));
        }
    }

    [Test]
    public void OptionsOfTheCommandLineAreForgottenWhenTheFileIsReadAgain()
    {
        Configure("PidFile pid");
        Assert.That(FilterRun.Of(scratch, "dkim-filter", "-x", "conf", "-c", "relaxed/relaxed").ExitCode, Is.Zero);
        started.Add(PidOf("pid"));
        Assert.That(Signature(), Does.Contain("relaxed/relaxed"));
        Kill(PidOf("pid"), "USR1");
        Assert.That(() => Signature(), Does.Contain("simple/simple").After(60_000, 100));
    }
}
