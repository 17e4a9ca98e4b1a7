using System.Security.Cryptography;
using Dkim.Tests.Hosts.Hosting;
using Dkim.Tests.Hosts.Tool;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Milter;

/// <summary>dkim-filter -t: what it prints, and its exit codes.</summary>
[TestFixture]
public sealed class TestModeTests
{
    private const string Plain = "From: me@example.org\nTo: you@example.net\nSubject: test\n\nOne line.\n";
    private Scratch scratch = null!;
    private string[] signing = [];

    [SetUp]
    public void SetUp()
    {
        scratch = new Scratch();
        using var key = RSA.Create(2048);
        scratch.Write("mail.private", key.ExportPkcs8PrivateKeyPem());
        scratch.Write("keys", $"mail._domainkey.example.org v=DKIM1; p={TestSignature.PublicKey(key)}\n");
        scratch.Write("conf", $"TestPublicKeys {scratch.At("keys")}\n");
        signing = ["-b", "s", "-d", "example.org", "-s", "mail", "-k", "mail.private"];
    }

    [TearDown]
    public void TearDown() => scratch.Dispose();

    [Test]
    public void AMessageIsSignedAtTheTimeThatIsGivenAndThenVerified()
    {
        scratch.Write("plain.eml", Plain);
        var signed = Run("-t", "plain.eml", "-F", "1700000000");
        Assert.That(signed.ExitCode, Is.Zero);
        Assert.That(signed.Output, Does.StartWith("\nDKIM-Signature: ").And.Contain("t=1700000000;"));
        scratch.Write("signed.eml", signed.Output.Trim() + "\n" + Plain);
        var good = FilterRun.Of(scratch, "dkim-filter", "-x", "conf", "-t", "signed.eml");
        Assert.That(good.Output, Is.EqualTo("dkim-filter: signed.eml: verification (s=mail, d=example.org, 2048-bit key) succeeded\n"));
        scratch.Write("bad.eml", signed.Output.Trim() + "\n" + Plain + "more\n");
        var bad = FilterRun.Of(scratch, "dkim-filter", "-x", "conf", "-t", "bad.eml");
        Assert.That(bad.ExitCode, Is.Zero, "a bad signature is a result like any other");
        Assert.That(bad.Output, Does.StartWith("dkim-filter: bad.eml: verification (s=mail d=example.org, 2048-bit key) failed: "));
    }

    // The record is the tool's own default, with t=s.
    [Test]
    public void ASubdomainIsSignedSoThatTheRecordOfGenkeyAllowsIt()
    {
        var made = ToolRun.Run(
            scratch, "dkim", "", "genkey", "--domain=example.org", "--selector=new", "--bits=1024", "--form=json");
        Assert.That(made.Output, Does.Contain("t=s"));
        scratch.Write("zone.json", made.Output);
        var plain = Plain.Replace("me@example.org", "me@host7.sub.example.org");
        scratch.Write("plain.eml", plain);
        var signed = FilterRun.Of(
            scratch, "dkim-filter", "-b", "s", "-d", "example.org", "-D", "-s", "new", "-k", "new.private", "-t", "plain.eml");
        Assert.That(signed.Output, Does.Contain("d=example.org;"), signed.Errors);
        var verified = ToolRun.Run(
            scratch, "dkim", signed.Output.Trim().ReplaceLineEndings("\n") + "\n" + plain, "verify", "--zone=zone.json");
        Assert.That(verified.Output, Does.Contain("pass d=example.org s=new"));
    }

    [Test]
    public void AMessageWithoutASignatureIsSaidToHaveNone()
    {
        var run = FilterRun.With(scratch, "dkim-filter", Plain, "-t", "-");
        Assert.That((run.ExitCode, run.Output), Is.EqualTo((0, "dkim-filter: (stdin): message not signed\n")));
    }

    [Test]
    public void AMessageIsFoundWhereTheProgramWasCalledWhateverBaseDirectorySays()
    {
        scratch.Write("plain.eml", Plain);
        scratch.Write("conf", $"BaseDirectory {Directory.CreateDirectory(scratch.At("base")).FullName}\n");
        var run = FilterRun.Of(scratch, "dkim-filter", "-x", "conf", "-t", "plain.eml");
        Assert.That((run.ExitCode, run.Output, run.Errors), Is.EqualTo((0, "dkim-filter: plain.eml: message not signed\n", "")));
    }

    [Test]
    public void MoreIsSaidWithV()
    {
        scratch.Write("plain.eml", Plain);
        Assert.That(Run("-t", "plain.eml", "-v").Errors, Does.Contain("mlfi_eom() returned SMFIS_ACCEPT"));
        Assert.That(Run("-t", "plain.eml", "-v").Output, Does.Not.Contain("###"));
        Assert.That(Run("-t", "plain.eml", "-vv").Output, Does.Contain("### INSHEADER: idx=").And.Contain(" hname=DKIM-Signature hvalue="));
    }

    [TestCase("no header\n\nbody\n", "line 1: header malformed")]
    [TestCase("A: b\n c\nnot one\n\n", "line 3: header malformed")]
    public void AMessageThatIsNoneEndsWith65(string text, string error)
    {
        scratch.Write("bad.eml", text);
        var run = FilterRun.Of(scratch, "dkim-filter", "-t", "bad.eml");
        Assert.That(run.ExitCode, Is.EqualTo(65));
        Assert.That(run.Errors, Is.EqualTo($"dkim-filter: bad.eml: {error}\n"));
    }

    [Test]
    public void StrictTestModeWantsEveryLineToEndInCrlf()
    {
        scratch.Write("conf", "StrictTestMode yes\n");
        scratch.Write("lf.eml", "A: b\r\nC: d\n\r\n");
        var run = FilterRun.Of(scratch, "dkim-filter", "-x", "conf", "-t", "lf.eml");
        Assert.That((run.ExitCode, run.Errors), Is.EqualTo((65, "dkim-filter: lf.eml: line 2: not CRLF-terminated\n")));
        scratch.Write("crlf.eml", Plain.Replace("\n", "\r\n"));
        Assert.That(FilterRun.Of(scratch, "dkim-filter", "-x", "conf", "-t", "crlf.eml").ExitCode, Is.Zero);
    }

    [TestCase("none.eml", "there is no such file")]
    [TestCase("none/none.eml", "there is no such file")]
    [TestCase("/", "a directory, no message")]
    public void AFileThatCannotBeReadEndsWith69(string file, string reason)
    {
        var run = FilterRun.Of(scratch, "dkim-filter", "-t", file);
        Assert.That((run.ExitCode, run.Errors), Is.EqualTo((69, $"dkim-filter: {file}: {reason}\n")));
    }

    [Test]
    public void WhyAMessageIsNotSignedIsToldOfItsClient()
    {
        scratch.Write("plain.eml", Plain);
        scratch.Write("hosts", "192.0.2.0/24\n");
        scratch.Write("peers", "192.0.2.9\n");
        scratch.Write("conf", $"TestPublicKeys {scratch.At("keys")}\nInternalHosts hosts\nPeerList peers\n");
        string[] both = ["-x", "conf", "-b", "sv", "-d", "example.org", "-s", "mail", "-k", "mail.private", "-t", "plain.eml"];

        var stranger = FilterRun.Of(scratch, "dkim-filter", [.. both, "-v", "-H", "203.0.113.7"]);
        Assert.That(stranger.Output, Does.Contain("message not signed"));
        Assert.That(stranger.Errors, Does
            .Contain("plain.eml: mode sv: mail of ours is signed, all other is verified; client [203.0.113.7]\n").And
            .Contain("not internal\n").And.Contain("not authenticated\n").And.Contain("mode select: verifying\n").And
            .Contain("external host [203.0.113.7] attempted to send as example.org\n"));

        var ours = FilterRun.Of(scratch, "dkim-filter", [.. both, "-v", "-H", "192.0.2.1"]);
        Assert.That(ours.Output, Does.Contain("DKIM-Signature: "));
        Assert.That(ours.Errors, Does.Contain("mode select: signing\n"));

        var peer = FilterRun.Of(scratch, "dkim-filter", [.. both, "-H", "192.0.2.9"]);
        Assert.That(peer.Output, Is.EqualTo("dkim-filter: plain.eml: left alone: the client is in PeerList\n"));

        var other = FilterRun.Of(scratch, "dkim-filter", [.. both, "-v", "-d", "example.net"]);
        Assert.That(other.Errors, Does.Contain("no signing domain match for `example.org'\n"));

        var plain = FilterRun.Of(scratch, "dkim-filter", "-t", "plain.eml", "-v");
        Assert.That(plain.Errors, Does.Contain("mode v: everything is verified, and nothing is signed; -b sv does both"));
    }

    [Test]
    public void AMessageWithoutAHeaderIsWarnedOf() =>
        Assert.That(
            FilterRun.With(scratch, "dkim-filter", "\nbody\n", "-t", "-").Errors,
            Does.Contain("warning: no headers on input"));

    private FilterRun Run(params string[] arguments) =>
        FilterRun.Of(scratch, "dkim-filter", [.. signing, .. arguments]);
}
