using System.Text;
using Dkim.Core.Programs.Proxies.Shared;
using Dkim.ProxyHost.Dialogue;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Proxy;

/// <summary>Conversations nobody thought of: whatever a client sends and a relay answers, the cuts between packets and
/// the pipelining of the relay change nothing of what either side sees.</summary>
public sealed class RandomDialogueTests
{
    private static readonly string[] lines =
    [
        "EHLO c", "HELO c", "MAIL FROM:<a@b>", "RCPT TO:<c@d>", "RCPT TO:<e@f>", "DATA", "data", "DATA x", "RSET", "NOOP",
        "VRFY x", "QUIT", "AUTH LOGIN", "AUTH PLAIN eA==", "STARTTLS", "BDAT 3", "XCLIENT NAME=x", "*", ".", "", "a: b", "..x", ".y",
        "bare\nlf", "bare\rcr", "nul\0", "DATA\0", "\n.", "\r.", ".\r", "x\n.", "354 odd",
    ];

    private static readonly string[] replies =
    [
        "250 ok", "250-a\r\n250 b", "451 later", "550 never", "421 gone", "354 send", "503-x\r\n503 y", "334 eA==", "220 again",
    ];

    [Test]
    [Category("RFC2920-3-1")]
    [Category("RFC5321-2.3.8-1")]
    public void Cuts_and_pipelining_are_not_to_be_seen([Range(1, 20)] int seed)
    {
        for (var round = 0; round < 150; round++)
        {
            var random = new Random((seed * 1000) + round);
            var stream = Stream(random);
            var answers = Answers(random);
            var limits = new DialogueLimits(CommandLine: 64) { BareNewlines = (BareNewlines)random.Next(2) };
            var refuse = random.Next(4) == 0;
            var whole = Outcome(stream, answers, limits, refuse, pipelining: false, int.MaxValue, new Random(0));
            for (var cut = 0; cut < 4; cut++)
            {
                var other = Outcome(stream, answers, limits, refuse, cut % 2 == 0, random.Next(1, 20), random);
                Assert.That(other, Is.EqualTo(whole), () => $"seed {seed}, round {round}: {Escape(stream)}");
            }
        }
    }

    private static string Stream(Random random)
    {
        var stream = new StringBuilder();
        for (var count = random.Next(1, 25); count > 0; count--)
        {
            if (random.Next(4) == 0)
                stream.Append("MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\na: b\r\n\r\ntext\r\n.\r\n");
            else
                stream.Append(random.Next(40) == 0 ? new string('x', 100) : lines[random.Next(lines.Length)]).Append("\r\n");
        }

        return stream.ToString();
    }

    // A relay that mostly does what it should.
    private static Dictionary<string, string> Answers(Random random)
    {
        var answers = new Dictionary<string, string>();
        foreach (var verb in new[] { "HELO", "MAIL", "RCPT", "DATA", "RSET", "NOOP", "VRFY", "QUIT", "XCLIENT", "." })
        {
            if (random.Next(5) == 0)
                answers[verb] = replies[random.Next(replies.Length)] + "\r\n";
        }

        return answers;
    }

    private static string Outcome(
        string stream, Dictionary<string, string> answers, DialogueLimits limits, bool refuse, bool pipelining, int piece, Random random)
    {
        var relay = new ScriptedRelay();
        relay.Replies["EHLO"] = "250-r\r\n250-SIZE\r\n" + (pipelining ? "250-PIPELINING\r\n" : "250-ETRN\r\n") + "250 STARTTLS\r\n";
        foreach (var (verb, answer) in answers)
            relay.Replies[verb] = answer;
        var talk = new Conversation(limits, relay) { RelayPiece = piece, Decide = _ => refuse ? (550, "no") : null };
        for (var at = 0; at < stream.Length;)
        {
            var size = piece == int.MaxValue ? stream.Length : random.Next(1, piece);
            talk.FromClient(stream[at..Math.Min(stream.Length, at + size)]);
            at += size;
        }

        var seen = talk.Told().Replace("PIPELINING", "ETRN");
        Assert.That(relay.Offences, Is.Empty, "nothing leaves with a bare CR or LF");
        var commands = talk.Dialogue.Phase == Phase.Closed ? [] : relay.Commands;
        return $"{seen}#{string.Join('|', relay.Messages)}#{string.Join('|', commands)}#{talk.Dialogue.Phase}";
    }

    private static string Escape(string text) => text.Replace("\r", "\\r").Replace("\n", "\\n").Replace("\0", "\\0");
}
