using System.Text.RegularExpressions;
using Dkim.Tests.Hosts.Hosting;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Tool;

/// <summary>Pages as a browser has them, which takes every name on the net for our server: what it asks for is seen.</summary>
public sealed class PageTests
{
    private const string Hostile =
        "</code></table></style><script>document.title='ran'</script><img src=http://elsewhere.example/img onerror=document.title='ran'>"
        + "<link rel=stylesheet href=http://elsewhere.example/css><meta http-equiv=refresh content=0;url=http://elsewhere.example/gone>"
        + "<iframe src=http://elsewhere.example/frame></iframe>";

    private const string Message =
        "From: Ann <ann@example.com>\r\nTo: bob@example.org\r\nSubject: " + Hostile + "\r\n\r\nHello, Bob.\r\n";

    private Scratch scratch = null!;

    [SetUp]
    public void MakeScratch() => scratch = new Scratch();

    [TearDown]
    public void RemoveScratch() => scratch.Dispose();

    [Test]
    public void A_page_asks_for_nothing_and_what_a_message_says_stays_text()
    {
        var page = Explain();
        using var server = new PageServer(page);
        var seen = Browse(server, "--dump-dom");
        Assert.That(server.Requests, Is.EqualTo(new[] { "GET / HTTP/1.1" }));
        Assert.That(seen, Does.Contain("<title>DKIM: mail.eml</title>").And.Contain("&lt;script&gt;document.title"));
        var elements = Regex.Matches(Regex.Replace(seen, "<style>[^<]*</style>", ""), "<([a-z0-9]+)")
            .Select(found => found.Groups[1].Value);
        Assert.That(elements, Has.None.AnyOf("script", "img", "link", "iframe", "object", "base", "form"));
        // The browser has put nothing right: what it holds is what was written.
        Assert.That(Plain(seen), Is.EqualTo(Plain(page)));
    }

    [Test]
    public void A_page_of_many_messages_asks_for_nothing_either()
    {
        Sign();
        const string Name = "<img src=x onerror=document.title='ran'>.eml";
        File.Move(scratch.At("mail.eml"), scratch.At(Name));
        var told = Dkim("verify", "--zone=zone.json", "--html=-", Name);
        Assert.That((told.Code, told.Error), Is.EqualTo((0, "")));
        using var server = new PageServer(told.Output);
        var seen = Browse(server, "--dump-dom");
        Assert.That(server.Requests, Is.EqualTo(new[] { "GET / HTTP/1.1" }));
        Assert.That(seen, Does.Contain("<title>DKIM: what was verified</title>").And.Contain("&lt;img src=x"));
        Assert.That(Plain(seen), Is.EqualTo(Plain(told.Output)));
    }

    [Test]
    public void The_server_sees_what_a_page_asks_for_that_is_not_ours()
    {
        using var server = new PageServer(
            "<!DOCTYPE html><title>x</title><script>document.title='ran'</script><img src=http://elsewhere.example/img>");
        Assert.That(Browse(server, "--dump-dom"), Does.Contain("<title>ran</title>"));
        Assert.That(server.Requests, Does.Contain("GET /img HTTP/1.1"));
    }

    [Test]
    public void A_page_has_its_own_style_by_day_and_by_night_and_prints()
    {
        using var server = new PageServer(Explain());
        byte[] Shot(string name, params string[] options)
        {
            Browse(server, [$"--screenshot={scratch.At(name)}", "--window-size=1200,1600", .. options]);
            return File.ReadAllBytes(scratch.At(name));
        }

        var day = Shot("day.png", "--blink-settings=preferredColorScheme=1");
        var night = Shot("night.png", "--blink-settings=preferredColorScheme=0");
        Assert.That(day, Is.Not.EqualTo(night));
        using var bare = new PageServer(Regex.Replace(Explain(), "sha256-.", "sha256-!"));
        Browse(bare, $"--screenshot={scratch.At("bare.png")}", "--window-size=1200,1600", "--blink-settings=preferredColorScheme=1");
        Assert.That(File.ReadAllBytes(scratch.At("bare.png")), Is.Not.EqualTo(day), "the style that the policy allows counts");
        Browse(server, $"--print-to-pdf={scratch.At("page.pdf")}");
        Assert.That(File.ReadAllBytes(scratch.At("page.pdf")).AsSpan(0, 5).SequenceEqual("%PDF-"u8));
    }

    [Test]
    public void A_page_replaces_a_plain_file_as_a_whole_and_nothing_else()
    {
        Sign();
        scratch.Write("page.html", new string('x', 100_000));
        Assert.That(Dkim("explain", "--zone=zone.json", "--html=page.html", "mail.eml").Code, Is.Zero);
        Assert.That(File.ReadAllText(scratch.At("page.html")), Does.StartWith("<!DOCTYPE html>").And.EndWith("</html>\n"));
        Assert.That(Directory.GetFiles(scratch.Root, "page.html*"), Has.Length.EqualTo(1));
        Directory.CreateDirectory(scratch.At("folder"));
        File.CreateSymbolicLink(scratch.At("link"), scratch.At("page.html"));
        foreach (var (path, says) in (ReadOnlySpan<(string, string)>)[
            ("folder", "no plain file"), ("link", "no plain file"), ("/dev/stdout", "no plain file"), ("no/where", "no such file")])
        {
            var told = Dkim("explain", "--zone=zone.json", $"--html={path}", "mail.eml");
            Assert.That((told.Code, told.Error), Is.EqualTo((73, told.Error)), path);
            Assert.That(told.Error, Does.Contain($"--html {path}: ").And.Contain(says));
        }
    }

    private string Explain()
    {
        Sign();
        var told = Dkim("explain", "--zone=zone.json", "--html=-", "mail.eml");
        Assert.That(told.Code, Is.Zero, told.Error);
        return told.Output;
    }

    private void Sign()
    {
        var made = Dkim("genkey", "--selector=mail", "--domain=example.com", "--type=ed25519", "--form=json");
        if (made.Code == 0)
            scratch.Write("zone.json", made.Output);
        var signed = ToolRun.Run(
            scratch, "dkim", Message, "sign", "--key=mail.private", "--selector=mail", "--domain=example.com", "--message");
        Assert.That(signed.Code, Is.Zero, signed.Error);
        scratch.Write("mail.eml", signed.Output.Replace("Subject: ", "Subject: [list] ", StringComparison.Ordinal) + Hostile + "\r\n");
    }

    private ToolRun.Ended Dkim(params string[] arguments) => ToolRun.Run(scratch, "dkim", "", arguments);

    // Headless Chromium with a profile of its own. Every name leads to the server; its sandbox does not work for root.
    private string Browse(PageServer server, params string[] options)
    {
        var browser = Tools.RequireProgram("chromium-headless-shell", "chromium-headless-shell");
        var seen = ToolRun.Start(
            scratch,
            browser,
            "",
            [
                "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking",
                $"--user-data-dir={scratch.At("profile")}", $"--host-resolver-rules=MAP * 127.0.0.1:{server.Port}",
                .. options, "http://page.example/",
            ]);
        Assert.That(seen.Code, Is.Zero, seen.Error);
        return seen.Output;
    }

    private static string Plain(string page) => Regex.Replace(page, "\\s+", "")
        .Replace("&quot;", "\"", StringComparison.Ordinal).Replace("&#39;", "'", StringComparison.Ordinal)
        .Replace("<!DOCTYPEhtml>", "", StringComparison.Ordinal);
}
