using System.Security.Cryptography;
using Dkim.Tests.Hosts.Hosting;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Milter;

/// <summary>A key that root alone may read and the filter, another user by then, cannot read again.</summary>
[TestFixture]
public sealed class KeyRotationTests
{
    private Scratch scratch = null!;
    private string Socket => scratch.At("socket");

    [SetUp]
    public void SetUp()
    {
        Tools.RequireRoot();
        scratch = new Scratch();
        File.SetUnixFileMode(scratch.Root, (UnixFileMode)0x1FF);
        scratch.Write("keys", "");
        NewKey();
    }

    [TearDown]
    public void TearDown() => scratch.Dispose();

    [TestCase(true)]
    [TestCase(false)]
    public async Task AReloadThatGivesANewNameToAKeyThatStaysIsRefusedAsAWhole(bool overwritten)
    {
        Configure("Selector mail");
        using var filter = FilterProcess.StartPlain(scratch, "dkim-filter", $"local:{Socket}", "-x", "conf");
        Assert.That(Signature(), Does.Contain("s=mail;"));
        if (overwritten)
            NewKey();
        Configure("Selector new", "AlwaysSignHeaders X-Reloaded");
        Tools.Run("/", "/bin/kill", "-HUP", $"{filter.Id}");
        await Tools.Eventually(() => filter.Log.Contains("configuration not reloaded: ", StringComparison.Ordinal), "it says so");
        Assert.That(filter.Log, Does
            .Contain("*@example.org: d=example.org s=new rsa 2048 bits: ").And
            .Contain("mail.private: cannot be read again; the old key would sign under the new name"));
        Assert.That(Signature(), Does.Contain("s=mail;").And.Not.Contain("X-Reloaded"), "nothing of the reload holds");
    }

    // Root's key serves on while its name stays.
    [Test]
    public async Task AReloadThatLeavesTheNameOfTheKeyIsHeeded()
    {
        Configure("Selector mail");
        using var filter = FilterProcess.StartPlain(scratch, "dkim-filter", $"local:{Socket}", "-x", "conf");
        Configure("Selector mail", "AlwaysSignHeaders X-Reloaded");
        Tools.Run("/", "/bin/kill", "-HUP", $"{filter.Id}");
        await Tools.Eventually(() => Signature().Contains("X-Reloaded", StringComparison.Ordinal), "the new settings hold");
        await Tools.Eventually(() => filter.Log.Contains("the key stays as it was", StringComparison.Ordinal), "it says so");
    }

    // Under a supervisor the process that serves has never read the file itself.
    [TestCase("AutoRestart no")]
    [TestCase("AutoRestart yes")]
    public async Task AKeyThatBecameAnotherAndCannotBeReadIsToldAndNothingOfTheReloadHolds(string line)
    {
        Configure("Selector mail", line);
        var key = File.ReadAllText(scratch.At("mail.private"));
        // Whole seconds can be given back exactly.
        var written = DateTime.UnixEpoch.AddDays(20_000);
        File.SetLastWriteTimeUtc(scratch.At("mail.private"), written);
        using var filter = FilterProcess.StartPlain(scratch, "dkim-filter", $"local:{Socket}", "-x", "conf");
        NewKey();
        Configure("Selector mail", line, "AlwaysSignHeaders X-Reloaded");
        filter.Signal("HUP");
        const string Refused =
            "configuration not reloaded: *@example.org: d=example.org s=mail rsa 2048 bits: mail.private cannot be read again (permission denied) and has changed: "
            + "let this user read it, or restart";
        await Tools.Eventually(() => filter.Log.Contains(Refused, StringComparison.Ordinal), "it says so");
        Assert.That(filter.Log, Does.Contain("mail.private: permission denied; the key stays as it was"));
        Assert.That(Signature(), Does.Contain("s=mail;").And.Not.Contain("X-Reloaded"));
        File.WriteAllText(scratch.At("mail.private"), key);
        File.SetLastWriteTimeUtc(scratch.At("mail.private"), written);
        filter.Signal("HUP");
        await Tools.Eventually(() => Signature().Contains("X-Reloaded", StringComparison.Ordinal), "the old key is back");
        filter.Signal("TERM");
        await Tools.Eventually(() => !File.Exists(Socket), "it ends");
    }

    private void NewKey()
    {
        using var key = RSA.Create(2048);
        scratch.Write("mail.private", key.ExportPkcs8PrivateKeyPem(), UnixFileMode.UserRead | UnixFileMode.UserWrite);
    }

    private void Configure(params string[] lines) => scratch.Write("conf", string.Join('\n', (string[])[
        "Background no", $"Socket local:{Socket}", "UserID nobody:mail", "Domain example.org", "KeyFile mail.private",
        $"TestPublicKeys {scratch.At("keys")}", .. lines,
    ]) + "\n");

    private string Signature()
    {
        using var mta = new Mta(Socket);
        return mta.Pass("me@example.org")[0];
    }
}
