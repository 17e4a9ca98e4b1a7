using System.Text;
using Dkim.Core.Programs.Proxies.Shared;
using Dkim.ProxyHost.Dialogue;
using Dkim.ProxyHost.Running;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Proxy;

/// <summary>The end of a message is CRLF . CRLF and nothing else, wherever packets are cut; a mix of CR, LF and dots
/// gives exactly one message or a refusal, and never a second one (RFC 5321 §2.3.8, §4.1.1.4).</summary>
public sealed class EndOfDataTests
{
    private const string Start = "EHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n";
    private const string Smuggled = "MAIL FROM:<evil@x>\r\nRCPT TO:<v@y>\r\nDATA\r\nevil: 1\r\n.\r\n";
    private const string End = "\r\n.\r\n";

    private static readonly char[] Alphabet = ['\r', '\n', '.', 'x'];

    /// <summary>Every string over the alphabet of a length.</summary>
    private static IEnumerable<string> Mixes(int length)
    {
        var count = 1 << (2 * length);
        for (var number = 0; number < count; number++)
            yield return string.Create(length, number, (span, n) =>
            {
                foreach (ref var c in span)
                {
                    c = Alphabet[n & 3];
                    n >>= 2;
                }
            });
    }

    /// <summary>The message that an exact reader finds before the first CRLF . CRLF, unstuffed, and whether it holds a
    /// CR or LF that is in no CRLF.</summary>
    private static (string Text, bool Bare) Read(string stream)
    {
        var text = new StringBuilder();
        var bare = false;
        foreach (var line in stream.Split("\r\n"))
        {
            if (line == ".")
                break;
            bare |= line.AsSpan().IndexOfAny('\r', '\n') >= 0;
            text.Append(line.StartsWith('.') ? line[1..] : line).Append("\r\n");
        }

        return (text.ToString(), bare);
    }

    private static string Normalized(string text) =>
        text.Replace("\r\n", "\0").Replace("\r", "\0").Replace("\n", "\0").Replace("\0", "\r\n");

    [Test]
    [Category("RFC5321-2.3.8-1")]
    [Category("RFC5321-2.3.8-2")]
    [Category("RFC5321-4.1.1.4-1")]
    [Category("RFC5321-4.1.1.4-2")]
    [Category("RFC5321-4.5.2-1")]
    public void Every_mix_gives_one_message_or_a_refusal([Range(0, 7)] int length)
    {
        foreach (var mix in Mixes(length))
        {
            var stream = "a: b\r\n" + mix + End;
            var (text, bare) = Read(stream);
            var talk = new Conversation();
            talk.FromClient(Start).Told();
            talk.FromClient(stream);
            var expected = bare ? Array.Empty<string>() : [Conversation.Added + text];
            Assert.That(talk.Relay.Messages, Is.EqualTo(expected), () => Escape(mix));
            Assert.That(talk.Relay.Offences, Is.Empty);
            if (bare)
                Assert.That(talk.Told(), Does.StartWith("550 5.5.2 "), () => Escape(mix));
        }
    }

    [Test]
    [Category("RFC5321-2.3.8-2")]
    [Category("RFC5321-4.1.1.4-1")]
    public void Normalizing_every_mix_gives_one_clean_message([Range(0, 6)] int length)
    {
        foreach (var mix in Mixes(length))
        {
            var stream = "a: b\r\n" + mix + End;
            var (text, bare) = Read(stream);
            var talk = new Conversation(new DialogueLimits { BareNewlines = BareNewlines.Normalize });
            talk.FromClient(Start).Told();
            talk.FromClient(stream);
            Assert.That(talk.Relay.Messages, Has.Count.EqualTo(1), () => Escape(mix));
            var expected = bare ? Normalized(text) : text;
            Assert.That(talk.Relay.Messages[0], Is.EqualTo(Conversation.Added + expected), () => Escape(mix));
            Assert.That(talk.Relay.Offences, Is.Empty);
            Assert.That(talk.Relay.Commands, Has.Count.EqualTo(talk.Relay.Commands.Count(c => !c.Contains("evil"))));
        }
    }

    [Test]
    [Category("RFC5321-2.3.8-2")]
    [Category("RFC5321-4.1.1.4-1")]
    public void A_cut_anywhere_changes_nothing([Values] bool normalize)
    {
        var limits = new DialogueLimits { BareNewlines = normalize ? BareNewlines.Normalize : BareNewlines.Reject };
        foreach (var mix in Mixes(5))
        {
            var stream = "\r\n" + mix + End;
            var whole = Outcome(limits, [stream]);
            for (var cut = 1; cut < stream.Length; cut++)
                Assert.That(Outcome(limits, [stream[..cut], stream[cut..]]), Is.EqualTo(whole), () => Escape(mix));
            Assert.That(Outcome(limits, [.. stream.Select(c => c.ToString())]), Is.EqualTo(whole), () => Escape(mix));
        }
    }

    [TestCase("\n.\n")]
    [Category("RFC5321-2.3.8-1")]
    [Category("RFC5321-4.1.1.4-1")]
    [TestCase("\n.\r\n")]
    [TestCase("\r\n.\n")]
    [TestCase("\r.\r")]
    [TestCase("\r\n.\r")]
    [TestCase("\r.\r\n")]
    [TestCase("\r\r\n.\r\r\n")]
    [TestCase("\r\n.\r\r\n")]
    [TestCase("\r\n\0.\r\n")]
    [TestCase("\r\n.\0\r\n")]
    public void Nothing_can_be_smuggled_behind_a_false_end(string falseEnd)
    {
        foreach (var treatment in Enum.GetValues<BareNewlines>())
        {
            var stream = "a: b\r\n\r\nfirst" + falseEnd + Smuggled + "MAIL FROM:<x@y>\r\nQUIT\r\n";
            for (var cut = 0; cut <= stream.Length; cut++)
            {
                var talk = new Conversation(new DialogueLimits { BareNewlines = treatment }).FromClient(Start);
                talk.FromClient(stream[..cut]).FromClient(stream[cut..]);
                Assert.That(talk.Relay.Messages, Has.Count.LessThanOrEqualTo(1));
                Assert.That(talk.Relay.Commands, Has.None.Contains("evil"));
                Assert.That(talk.Relay.Offences, Is.Empty);
            }
        }
    }

    [Test]
    public void The_longest_line_is_known_however_it_came()
    {
        var talk = new Conversation().FromClient(Start);
        foreach (var piece in new[] { "short\r\n", new string('x', 40_000), new string('y', 30_000), "\r", "\nz\r\n.\r\n" })
            talk.FromClient(piece);
        Assert.That(talk.Dialogue.LongestLine, Is.EqualTo(70_000));
        Assert.That(talk.Relay.Messages[0], Has.Length.EqualTo(Conversation.Added.Length + 7 + 70_002 + 3));
    }

    private static string Outcome(DialogueLimits limits, string[] pieces)
    {
        var talk = new Conversation(limits).FromClient(Start);
        foreach (var piece in pieces)
            talk.FromClient(piece);
        return string.Join('|', talk.Relay.Messages) + '#' + talk.Told() + '#' + talk.Dialogue.Phase;
    }

    private static string Escape(string mix) => mix.Replace("\r", "\\r").Replace("\n", "\\n");
}
