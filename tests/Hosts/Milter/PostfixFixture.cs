using System.Net;
using Dkim.Core.Programs.Running;
using Dkim.Tests.Hosts.Hosting;
using Dkim.Tests.Hosts.Proxy;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Milter;

/// <summary>Tests that each start a Postfix of their own before a filter, with a key and a sink for what it passes on.</summary>
internal abstract class PostfixFixture
{
    /// <summary>Where the filter waits, in its own words.</summary>
    protected string Milter { get; } = $"inet:{Tools.FreePort()}@127.0.0.1";

    protected Scratch Scratch { get; private set; } = null!;

    protected MailSink Sink { get; private set; } = null!;

    [SetUp]
    public void Start()
    {
        Tools.RequireRoot();
        Tools.RequireProgram("postfix", "postfix");
        Scratch = new Scratch();
        Keys.Make(Scratch);
        Sink = new MailSink();
    }

    [TearDown]
    public void Stop()
    {
        Sink?.Dispose();
        Scratch?.Dispose();
    }

    protected static string Text(string id, string header = "", string body = "One line.\r\n") =>
        "From: joe@example.org\r\nTo: b@example.com\r\nDate: Fri, 20 Nov 2026 12:00:00 +0000\r\n"
        + $"Message-ID: <{id}@example.org>\r\n{header}\r\n{body}";

    /// <summary>Sends mail as a client that is not of this machine.</summary>
    protected static async Task SendFromElsewhereAsync(int port, string text)
    {
        using var client = await Client.ConnectAsync(new IPEndPoint(IPAddress.Loopback, port));
        await Submission.BecomeStrangerAsync(client);
        Assert.That(
            await Submission.SendAsync(client, text, "<joe@example.org>", "<b@example.com>"), Does.StartWith("250"));
    }

    /// <summary>The message of this Message-ID, or the first that this name of a machine's own sends.</summary>
    protected async Task<Arrived> ArrivedAsync(string id)
    {
        bool Is(Arrived message) => message.Fields.Any(field =>
            field.Contains($"<{id}@", StringComparison.Ordinal) || field.StartsWith($"From: {id}@", StringComparison.Ordinal));
        await Tools.Eventually(() => Sink.Messages.Any(Is), "it arrives");
        return Sink.Messages.First(Is);
    }
}
