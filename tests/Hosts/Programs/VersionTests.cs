using System.Reflection;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Dkim.Hosting;
using Dkim.Tests.Hosts.Hosting;
using Dkim.Tests.Hosts.Tool;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Programs;

/// <summary>--version of every program: which build it is and what it runs on.</summary>
public sealed class VersionTests
{
    private Scratch scratch = null!;

    [SetUp]
    public void MakeScratch() => scratch = new Scratch();

    [TearDown]
    public void RemoveScratch() => scratch.Dispose();

    [Test]
    public void Every_program_says_which_build_it_is([ValueSource(typeof(OwnPrograms), nameof(OwnPrograms.Names))] string name)
    {
        var ended = ToolRun.Start(scratch, OwnPrograms.Link(scratch, name), "", "--version");
        Assert.That((ended.Code, ended.Error), Is.EqualTo((0, "")));
        var lines = ended.Output.Split('\n');
        Assert.That(lines, Has.Length.EqualTo(5), ended.Output);
        Assert.That(lines[0], Does.Match("^" + name.Replace(".", "\\.", StringComparison.Ordinal) + " [0-9]+\\.[0-9]+\\.[0-9]+$"));
        Assert.That(lines[1], Does.Match("^commit ([0-9a-f]{40}|unknown \\(not built from a checkout\\))$"));
        Assert.That(lines[2], Does.Match("^runtime \\.NET [0-9.]+(, native code)?$"));
        Assert.That(lines[3], Is.EqualTo("OpenSSL " + OfOpenSsl()));
    }

    [Test]
    public void It_is_the_commit_that_the_build_was_given()
    {
        var stamp = typeof(OwnBuild).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion;
        Assert.That(OwnBuild.Facts.Stamp, Is.EqualTo(stamp));
        Assert.That(OwnBuild.Facts.Runtime, Is.EqualTo(RuntimeInformation.FrameworkDescription));
        Assert.That(OwnBuild.Facts.OpenSsl.Value, Is.EqualTo(SafeEvpPKeyHandle.OpenSslVersion));
    }

    [Test]
    public void A_machine_without_OpenSSL_is_told_of()
    {
        Tools.RequireRoot();
        var unshare = Tools.RequireProgram("unshare", "util-linux");
        var name = OwnPrograms.Link(scratch, "dkim");
        const string Hidden =
            "for lib in /usr/lib/*/libssl.so.3 /usr/lib/*/libssl.so.1.1; do "
            + "[ ! -e $lib ] || mount --bind /dev/null $(readlink -f $lib); done; exec \"$0\" --version";
        var ended = ToolRun.Start(scratch, unshare, "", "-m", "sh", "-c", Hidden, name);
        Assert.That((ended.Code, ended.Error), Is.EqualTo((0, "")));
        Assert.That(ended.Output, Does.EndWith("\nOpenSSL not found\n"));
    }

    [TestCase("dkim-filter", "\tSupported signing algorithms:")]
    [TestCase("dk-filter", "\tSupported signing algorithms:")]
    public void What_scripts_read_is_as_it_was(string name, string known)
    {
        var ended = ToolRun.Start(scratch, OwnPrograms.Link(scratch, name), "", "-V");
        Assert.That(ended.Code, Is.Zero, ended.Error);
        Assert.That(ended.Output, Does.StartWith(name + ": Sendmail ").And.Contain(known).And.Not.Contain("commit"));
    }

    // As the library on this machine calls itself: OpenSSL 3.0.19 1 Jan 2026.
    private string OfOpenSsl() =>
        Tools.Run(scratch.Root, Tools.RequireProgram("openssl", "openssl"), "version").Split(' ')[1];
}
