using Dkim.Core.Programs.Running;
using Dkim.Tests.Hosts.Hosting;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Milter;

/// <summary>A filter that signs what comes in by one entrance of the MTA alone.</summary>
internal static class SignerByEntrance
{
    /// <param name="name">What the MTA calls the entrance.</param>
    public static FilterProcess Start(Scratch scratch, string program, string milter, string name)
    {
        // Else mail of the loopback would be signed whatever it came in by.
        var strangers = scratch.Write("internal", "192.0.2.1\n");
        return program == FilterProcess.OwnForDomainKeys
            ? FilterProcess.StartPlain(scratch, program, milter, "-f", "-p", milter,
                "-d", "example.org", "-S", "sel", "-s", "key.pem", "-i", strangers, "-m", name)
            : FilterProcess.Start(scratch, FilterProcess.Own, milter,
                "Domain example.org", "Selector sel", "KeyFile key.pem", $"InternalHosts {strangers}", $"MTA {name}");
    }

    /// <summary>Sends a message in at an entrance: whether it leaves with a signature.</summary>
    public static async Task<bool> IsSignedAsync(Entrance entrance, MailSink sink, string id)
    {
        var text = $"From: joe@example.org\r\nTo: b@example.com\r\nDate: Fri, 20 Nov 2026 12:00:00 +0000\r\n"
            + $"Message-ID: <{id}@example.org>\r\nSubject: none\r\n\r\nOne line.\r\n";
        var before = sink.Count;
        Assert.That(await Submission.SendAsync(entrance.Port, text), Does.StartWith("250"));
        await Tools.Eventually(() => sink.Messages.Skip(before).Any(Is), "it arrives");
        var arrived = sink.Messages.Skip(before).First(Is);
        return arrived.Named("DKIM-Signature").Any() || arrived.Named("DomainKey-Signature").Any();

        bool Is(Arrived message) => message.Text.Contains($"<{id}@example.org>");
    }
}
