using Dkim.Core.Programs.Running;
using Dkim.Tests.Hosts.Hosting;
using Dkim.Tests.Hosts.Proxy;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Milter;

/// <summary>Which entrance of a real Postfix mail came in by, as MTA and -m tell it: the name that smtpd says at connect,
/// not the one that cleanup says at the end of the header.</summary>
internal sealed class MacroTests
{
    private readonly string milter = $"inet:{Tools.FreePort()}@127.0.0.1";
    private Scratch scratch = null!;
    private MailSink sink = null!;
    private PostfixServer server = null!;
    private Entrance submission = null!;
    private Entrance outside = null!;
    private Entrance asked = null!;
    private Entrance askedOld = null!;

    [OneTimeSetUp]
    public void Start()
    {
        Tools.RequireRoot();
        Tools.RequireProgram("postfix", "postfix");
        scratch = new Scratch();
        Keys.Make(scratch);
        sink = new MailSink();
        submission = new Entrance(milter) { DaemonName = "ORIGINATING" };
        outside = new Entrance(milter) { DaemonName = "VERIFYING" };
        asked = new Entrance(milter) { DaemonName = "ORIGINATING", Options = ["milter_connect_macros=j"] };
        askedOld = new Entrance(milter) { DaemonName = "ORIGINATING", Options = asked.Options, Protocol = 2 };
        server = new PostfixServer(
            scratch, sink.Port, [submission, outside, asked, askedOld], "milter_end_of_header_macros = i {daemon_name}\n");
    }

    [OneTimeTearDown]
    public void Stop()
    {
        server?.Dispose();
        sink?.Dispose();
        scratch?.Dispose();
    }

    // mx.example.net is $myhostname: the name that cleanup has for every entrance.
    [TestCase("dkim-filter", "ORIGINATING", true, false)]
    [TestCase("dkim-filter", "VERIFYING", false, true)]
    [TestCase("dkim-filter", "mx.example.net", false, false)]
    [TestCase("dk-filter", "ORIGINATING", true, false)]
    [TestCase("dk-filter", "VERIFYING", false, true)]
    [TestCase("dk-filter", "mx.example.net", false, false)]
    public async Task Mail_is_signed_by_the_entrance_that_it_came_in_by(
        string program, string name, bool signsSubmitted, bool signsOutside)
    {
        using var filter = Start(program, name);
        Assert.Multiple(async () =>
        {
            Assert.That(await IsSignedAsync(submission, $"{program}-{name}-in"), Is.EqualTo(signsSubmitted));
            Assert.That(await IsSignedAsync(outside, $"{program}-{name}-out"), Is.EqualTo(signsOutside));
        });

        var conf = scratch.Write("named.conf", $"Socket {milter}\nDomain example.org\nMTA {name}\n");
        Assert.That(
            PostfixCheck.Warnings(scratch, "--filter", conf).Any(found => found.Name == "entrance-missing"),
            Is.EqualTo(!signsSubmitted && !signsOutside));
    }

    // cleanup's mx.example.net is no answer in the place of the missing one.
    [TestCase("dkim-filter", "ORIGINATING", true)]
    [TestCase("dkim-filter", "mx.example.net", false)]
    [TestCase("dk-filter", "ORIGINATING", true)]
    [TestCase("dk-filter", "mx.example.net", false)]
    public async Task An_entrance_that_does_not_say_its_name_is_asked_for_it(string program, string name, bool signs)
    {
        using var filter = Start(program, name);
        Assert.Multiple(async () =>
        {
            Assert.That(await IsSignedAsync(asked, $"{program}-{name}-asked"), Is.EqualTo(signs));
            Assert.That(await IsSignedAsync(askedOld, $"{program}-{name}-old"), Is.EqualTo(signs));
        });
    }

    private FilterProcess Start(string program, string name) => SignerByEntrance.Start(scratch, program, milter, name);

    private Task<bool> IsSignedAsync(Entrance entrance, string id) => SignerByEntrance.IsSignedAsync(entrance, sink, id);
}
