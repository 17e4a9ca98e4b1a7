using Dkim.ProxyHost.Dialogue;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Proxy;

/// <summary>What passes, what does not, and in which order (RFC 5321, RFC 2920).</summary>
public sealed class DialogueTests
{
    private const string Envelope = "EHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n";
    private const string EnvelopeReplies =
        "250-relay.example\r\n250-PIPELINING\r\n250 SIZE 1000\r\n250 MAIL ok\r\n250 RCPT ok\r\n";

    private const string Text = "Subject: x\r\n\r\n..stuffed\r\n.x\r\nend\r\n";
    private const string Unstuffed = "Subject: x\r\n\r\n.stuffed\r\nx\r\nend\r\n";

    [Test]
    [Category("RFC5321-4.5.2-1")]
    [Category("RFC5321-3.3-1")]
    public void A_session_passes_and_only_three_keywords_are_missing()
    {
        var talk = new Conversation().FromClient(Envelope + "DATA\r\n").FromClient(Text + ".\r\nQUIT\r\n");

        Assert.That(talk.Told(), Is.EqualTo(
            ScriptedRelay.Greeting + EnvelopeReplies + "354 go on\r\n250 2.0.0 queued\r\n221 bye\r\n"));
        Assert.That(talk.Relay.Commands, Is.EqualTo(
            new[] { "EHLO c", "MAIL FROM:<a@b>", "RCPT TO:<c@d>", "DATA", "QUIT" }));
        Assert.That(talk.Judged, Is.EqualTo(new[] { Unstuffed }));
        Assert.That(talk.Relay.Messages, Is.EqualTo(new[] { Conversation.Added + Unstuffed }));
        Assert.That(talk.Dialogue.Phase, Is.EqualTo(Phase.Closed));
    }

    [Test]
    [Category("RFC5321-2.3.8-1")]
    [Category("RFC5321-4.1.1.5-1")]
    [Category("RFC5321-4.5.2-1")]
    public void Two_cuts_anywhere_change_nothing([Values(1, 2, 3, 7, int.MaxValue)] int relayPiece)
    {
        var stream = Envelope + "DATA\r\n" + Text + ".\r\nRSET\r\n" + Envelope + "DATA\r\n.\r\nQUIT\r\n";
        var expected = ScriptedRelay.Greeting + EnvelopeReplies + "354 go on\r\n250 2.0.0 queued\r\n250 RSET ok\r\n"
            + EnvelopeReplies + "354 go on\r\n250 2.0.0 queued\r\n221 bye\r\n";
        for (var first = 0; first <= stream.Length; first++)
        {
            for (var second = first; second <= stream.Length; second += 1 + stream.Length / 40)
            {
                var talk = new Conversation { RelayPiece = relayPiece };
                talk.FromClient(stream[..first]).FromClient(stream[first..second]).FromClient(stream[second..]);
                Assert.That(talk.Told(), Is.EqualTo(expected), $"cut at {first} and {second}");
                Assert.That(talk.Judged, Is.EqualTo(new[] { Unstuffed, "" }));
                Assert.That(talk.Relay.Messages, Is.EqualTo(new[] { Conversation.Added + Unstuffed, Conversation.Added }));
            }
        }
    }

    [TestCase("250-r\r\n250-STARTTLS\r\n250 SIZE\r\n", "250-r\r\n250 SIZE\r\n")]
    [Category("RFC5321-2.4-2")]
    [Category("RFC3030-2-1")]
    [TestCase("250-r\r\n250-SIZE\r\n250 starttls\r\n", "250-r\r\n250 SIZE\r\n")]
    [TestCase("250-r\r\n250-CHUNKING\r\n250-BINARYMIME\r\n250 STARTTLS\r\n", "250 r\r\n")]
    [TestCase("250-STARTTLS is my name\r\n250 8BITMIME\r\n", "250-STARTTLS is my name\r\n250 8BITMIME\r\n")]
    [TestCase("250-r\r\n250-XSTARTTLS\r\n250-AUTH=LOGIN\r\n250 CHUNKINGS\r\n", "250-r\r\n250 AUTH=LOGIN\r\n")]
    [TestCase("250-r\r\n250-CHUNKING x\r\n250 DSN\r\n", "250-r\r\n250 DSN\r\n")]
    [TestCase("250\r\n", "250\r\n")]
    [TestCase("502-no\r\n502 STARTTLS\r\n", "502-no\r\n502 STARTTLS\r\n")]
    public void Of_an_EHLO_reply_only_what_cannot_pass_is_left_out(string reply, string told)
    {
        var talk = new Conversation();
        talk.Relay.Replies["EHLO"] = reply;
        talk.Told();
        Assert.That(talk.FromClient("ehlo c\r\n").Told(), Is.EqualTo(told));
    }

    // The registry of SMTP service extensions at IANA, and what Postfix, Exim and Exchange offer beside it.
    [Test]
    [Category("RFC5321-2.4-2")]
    public void Of_a_relay_that_offers_everything_only_what_cannot_change_the_dialogue_passes()
    {
        string[] passing =
            ["8BITMIME", "AUTH PLAIN", "CONNEG", "CONPERM", "DELIVERBY 120", "DSN", "ENHANCEDSTATUSCODES", "ETRN", "EXPN",
                "FUTURERELEASE 1 2", "HELP", "LIMITS RCPTMAX=20", "MT-PRIORITY MIXER", "MTRK", "NO-SOLICITING x", "ONEX",
                "PIPELINING", "RRVS", "SIZE 1000", "SMTPUTF8", "SUBMITTER", "UTF8SMTP", "XCLIENT NAME", "XFORWARD NAME", "XVERP"];
        string[] others =
            ["ATRN", "BINARYMIME", "BURL imap", "CHECKPOINT", "CHUNKING", "PRDR", "REQUIRETLS", "SAML", "SEND", "SOML",
                "STARTTLS", "TURN", "VERB", "X-EXPS GSSAPI", "X-LINK2STATE", "XEXCH50", "X-OF-TOMORROW", "8BITMIMES", ""];
        var talk = new Conversation();
        talk.Relay.Replies["EHLO"] = Reply([.. others, .. passing, .. others]);
        talk.Told();
        Assert.That(talk.FromClient("EHLO c\r\n").Told(), Is.EqualTo(Reply(passing)));
    }

    [TestCase("MAIL FROM:<a@b> PRDR")]
    [TestCase("MAIL FROM:<a@b> SIZE=5 body=binarymime")]
    [TestCase("mail from:<a@b> RequireTLS")]
    public void A_parameter_of_an_extension_that_was_not_offered_is_refused(string line)
    {
        var talk = new Conversation();
        talk.FromClient("EHLO c\r\n").Told();
        Assert.That(talk.FromClient($"{line}\r\n").Told(), Does.StartWith("555 5.5.4 "));
        Assert.That(talk.Relay.Commands, Has.None.Contains("a@b"));
        Assert.That(talk.FromClient("MAIL FROM:<\"a PRDR \"@b> SIZE=1 BODY=8BITMIME\r\n").Told(), Does.StartWith("250"));
    }

    private static string Reply(string[] keywords) =>
        "250-r\r\n" + string.Concat(keywords[..^1].Select(word => $"250-{word}\r\n")) + $"250 {keywords[^1]}\r\n";

    [TestCase("STARTTLS")]
    [Category("RFC3030-2-1")]
    [Category("RFC2920-3-1")]
    [Category("RFC5321-2.4-1")]
    [TestCase("starttls")]
    [TestCase("BDAT 5 LAST")]
    [TestCase("  BDAT 5")]
    [TestCase("TURN")]
    [TestCase("ATRN example.com")]
    [TestCase("BURL imap://x LAST")]
    [TestCase("XEXCH50 2 2")]
    [TestCase("X-LINK2STATE LAST CHUNK={x}")]
    public void Verbs_that_cannot_pass_are_answered_502_in_their_turn(string line)
    {
        var talk = new Conversation();
        talk.FromClient("EHLO c\r\n").Told();
        var told = talk.FromClient($"MAIL FROM:<a@b>\r\n{line}\r\nRCPT TO:<c@d>\r\n").Told();
        Assert.That(told, Does.Match("^250 MAIL ok\r\n502 [^\r]*\r\n250 RCPT ok\r\n$"));
        Assert.That(talk.Relay.Commands, Has.None.Contains(line.Trim()));
    }

    [Test]
    [Category("RFC2920-3-1")]
    public void Commands_of_a_group_go_on_at_once_only_where_the_relay_said_so()
    {
        var relay = new SilentRelay("250 PIPELINING\r\n", "250-r\r\n250 PIPELINING\r\n");
        Assert.That(relay.Given(0), Is.EqualTo("MAIL FROM:<a@b>\r\n"));
        Assert.That(relay.Given(1), Is.EqualTo("MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nRCPT TO:<e@f>\r\nDATA\r\n"));
    }

    [Test]
    [Category("RFC2920-3-1")]
    public void Nothing_is_sent_before_the_greeting()
    {
        var talk = new Conversation(greet: false).FromClient("EHLO c\r\nQUIT\r\n");
        Assert.That(talk.Relay.Commands, Is.Empty);
        Assert.That(talk.FromRelay(ScriptedRelay.Greeting).Told(), Does.StartWith("220").And.EndsWith("221 bye\r\n"));
    }

    [Test]
    public void An_AUTH_exchange_passes_even_where_its_lines_look_like_commands()
    {
        var talk = new Conversation();
        talk.Told();
        talk.FromClient("AUTH LOGIN\r\nDATA\r\nSTARTTLS\r\nNOOP\r\n");
        Assert.That(talk.Told(), Is.EqualTo("334 VXNlcm5hbWU6\r\n334 more\r\n235 ok\r\n250 NOOP ok\r\n"));
        Assert.That(talk.Relay.Commands, Is.EqualTo(new[] { "AUTH LOGIN", "DATA", "STARTTLS", "NOOP" }));
        Assert.That(talk.Trace, Is.EqualTo(new[] { "AUTH LOGIN", "NOOP" }), "answers to challenges are not traced");
    }

    [TestCase("AUTH PLAIN c2Vj", "AUTH PLAIN")]
    [TestCase(" auth\tPLAIN\tc2Vj x", " auth\tPLAIN")]
    [TestCase("AUTH", "AUTH")]
    [TestCase("AUTH LOGIN", "AUTH LOGIN")]
    public void Of_AUTH_no_more_than_the_mechanism_is_traced(string line, string traced) =>
        Assert.That(new Conversation().FromClient(line + "\r\n").Trace, Is.EqualTo(new[] { traced }));

    [Test]
    public void An_impossible_AUTH_line_gives_the_exchange_up()
    {
        var talk = new Conversation();
        talk.Told();
        talk.FromClient("AUTH LOGIN\r\n" + new string('x', 20000) + "\r\nNOOP\r\n");
        Assert.That(talk.Told(), Is.EqualTo("334 VXNlcm5hbWU6\r\n501 given up\r\n250 NOOP ok\r\n"));
    }

    [TestCase("DATA", true)]
    [Category("RFC5321-2.4-1")]
    [Category("RFC5321-3.3-1")]
    [TestCase("data", true)]
    [TestCase("DATA ", true)]
    [TestCase("DATAX", false)]
    [TestCase("DATABASE x", false)]
    [TestCase("XDATA", false)]
    public void Only_the_verb_DATA_begins_a_message(string line, bool begins)
    {
        var talk = new Conversation();
        talk.FromClient(line + "\r\n");
        Assert.That(talk.Dialogue.Phase, Is.EqualTo(begins ? Phase.Message : Phase.Commands));
    }

    [Test]
    [Category("RFC5321-3.3-1")]
    public void After_a_refused_DATA_commands_are_commands()
    {
        var talk = new Conversation();
        talk.Relay.Replies["DATA"] = "503 5.5.1 no\r\n";
        talk.Told();
        talk.FromClient("DATA\r\nNOOP\r\nQUIT\r\n");
        Assert.That(talk.Told(), Is.EqualTo("503 5.5.1 no\r\n250 NOOP ok\r\n221 bye\r\n"));
        Assert.That(talk.Judged, Is.Empty);
    }

    [Test]
    [Category("RFC5321-3.3-1")]
    [Category("RFC5321-4.2-2")]
    public void A_3yz_to_anything_but_DATA_ends_the_session([Values(354, 399)] int code)
    {
        var talk = new Conversation();
        talk.Relay.Replies["XODD"] = $"{code} send it\r\n";
        talk.Told();
        talk.FromClient("XODD 4 2\r\nMAIL FROM:<a@b>\r\n");
        Assert.That(talk.Told(), Does.StartWith("421 4.4.2 "));
        Assert.That(talk.Dialogue.Phase, Is.EqualTo(Phase.Closed));
        Assert.That(talk.Relay.Commands, Has.Count.EqualTo(1));
    }

    [TestCase("RCPT TO:<a\nb@c>")]
    [Category("RFC5321-2.3.8-1")]
    [Category("RFC5321-2.3.8-2")]
    [TestCase("RCPT TO:<a\rb@c>")]
    [TestCase("NOOP\0DATA")]
    [TestCase("NOOP\n.\r")]
    [TestCase("\n")]
    public void Lines_that_no_command_has_are_refused(string line)
    {
        var talk = new Conversation();
        talk.Told();
        talk.FromClient(line + "\r\nNOOP\r\n");
        Assert.That(talk.Told(), Does.Match("^500 5[.]5[.]2 [^\r]*\r\n250 NOOP ok\r\n$"));
        Assert.That(talk.Relay.Commands, Is.EqualTo(new[] { "NOOP" }));
    }

    [Test]
    [Category("RFC5321-4.5.3.1-1")]
    public void A_command_line_may_be_as_long_as_the_limit_and_no_longer([Values(1, 100, 5000)] int piece)
    {
        foreach (var (length, passes) in new[] { (512, true), (12288, true), (12289, false), (500_000, false) })
        {
            var talk = new Conversation();
            talk.Told();
            var line = "NOOP " + new string('x', length - 7) + "\r\n";
            for (var at = 0; at < line.Length; at += piece)
                talk.FromClient(line[at..Math.Min(line.Length, at + piece)]);
            Assert.That(talk.FromClient("RSET\r\n").Told(), Does.StartWith(passes ? "250 NOOP" : "500 5.5.2"));
            Assert.That(talk.Relay.Commands, Has.Count.EqualTo(passes ? 2 : 1));
        }
    }

    [Test]
    public void Commands_without_replies_are_bounded()
    {
        var relay = new SilentRelay("250 PIPELINING\r\n", "250-r\r\n250 PIPELINING\r\n");
        var taken = relay.Take(new DialogueLimits(Pipelined: 10), string.Concat(Enumerable.Repeat("RSET\r\n", 1000)));
        Assert.That(taken, Is.EqualTo(10 * "RSET\r\n".Length));
    }

    [Test]
    public void A_client_that_sends_only_errors_is_sent_away()
    {
        var talk = new Conversation(new DialogueLimits(Refused: 3));
        talk.Told();
        var told = talk.FromClient(string.Concat(Enumerable.Repeat("BDAT 1\r\n", 50))).Told();
        Assert.That(told, Does.Match("^(502 [^\r]*\r\n){3}421 4[.]7[.]0 [^\r]*\r\n$"));
        Assert.That(talk.Dialogue.Phase, Is.EqualTo(Phase.Closed));
    }

    [Test]
    public void XCLIENT_leads_back_to_the_greeting_and_to_lock_step()
    {
        var talk = new Conversation();
        talk.Relay.Replies["XCLIENT"] = "220 again\r\n";
        talk.FromClient("EHLO c\r\nXCLIENT ADDR=192.0.2.1\r\nXFORWARD NAME=x\r\n").Told();
        Assert.That(talk.Relay.Commands, Is.EqualTo(new[] { "EHLO c", "XCLIENT ADDR=192.0.2.1", "XFORWARD NAME=x" }));
        Assert.That(talk.FromClient("EHLO c\r\nQUIT\r\n").Told(), Does.EndWith("221 bye\r\n"));
        var relay = new SilentRelay("250-r\r\n250 PIPELINING\r\n");
        Assert.That(relay.Given(0, greetsAgain: true), Is.EqualTo("MAIL FROM:<a@b>\r\n"), "until it is offered anew");
    }

    [Test]
    [Category("RFC5321-4.1.1.4-3")]
    public void A_refused_message_leaves_the_relay_and_lets_the_client_say_goodbye()
    {
        var talk = new Conversation { Decide = _ => (450, "DKIM - temperror (bad\r\nkey\u00e9)") };
        talk.FromClient(Envelope + "DATA\r\n" + Text).Told();
        var told = talk.FromClient(".\r\nQUIT\r\n").Told();
        Assert.That(told, Does.Match(@"^450 DKIM - temperror \(bad\?\?key\?\?\)\r\n221 [^\r]*\r\n$"));
        Assert.That(talk.Relay.Messages, Is.Empty);
        Assert.That(talk.Relay.Commands, Has.None.EqualTo("QUIT"));
        Assert.That(talk.Dialogue.RelayUseless);
    }

    [Test]
    public void After_a_refusal_a_second_message_needs_a_new_session()
    {
        var talk = new Conversation { Decide = _ => (550, "no") };
        talk.FromClient(Envelope + "DATA\r\n" + Text + ".\r\n").Told();
        Assert.That(talk.FromClient("MAIL FROM:<a@b>\r\n").Told(), Does.StartWith("421 "));
        Assert.That(talk.Dialogue.Phase, Is.EqualTo(Phase.Closed));
    }

    [Test]
    [Category("RFC5321-3.8-1")]
    public void Stopping_waits_for_the_message_on_its_way()
    {
        var talk = new Conversation();
        talk.FromClient(Envelope + "DATA\r\nSubject: x\r\n").Told();
        talk.Dialogue.Stop("4.3.2 stopping");
        Assert.That(talk.FromClient("").Told(), Is.Empty);
        var told = talk.FromClient("\r\n.\r\nMAIL FROM:<e@f>\r\n").Told();
        Assert.That(told, Is.EqualTo("250 2.0.0 queued\r\n421 4.3.2 stopping\r\n"));
        Assert.That(talk.Relay.Messages, Has.Count.EqualTo(1));
    }

    [Test]
    [Category("RFC5321-3.8-1")]
    public void Stopping_between_messages_is_said_at_once()
    {
        var talk = new Conversation();
        talk.FromClient("EHLO c\r\n").Told();
        talk.Dialogue.Stop("4.3.2 stopping");
        Assert.That(talk.FromClient("").Told(), Is.EqualTo("421 4.3.2 stopping\r\n"));
        Assert.That(talk.Dialogue.Phase, Is.EqualTo(Phase.Closed));
    }

    [Test]
    public void A_client_that_leaves_within_a_message_leaves_nothing_behind()
    {
        for (var cut = 1; cut < Text.Length + 3; cut++)
        {
            var talk = new Conversation().FromClient(Envelope + "DATA\r\n" + (Text + ".\r\n")[..cut]);
            if (talk.Dialogue.Phase != Phase.Message)
                continue;
            talk.Dialogue.ClientEnded();
            Assert.That(talk.Dialogue.Phase, Is.EqualTo(Phase.Closed));
            Assert.That(talk.Relay.Messages, Is.Empty);
        }
    }

    [Test]
    [Category("RFC5321-4.2-2")]
    public void A_code_that_nobody_knows_counts_by_its_first_digit()
    {
        var talk = new Conversation();
        talk.Relay.Replies["EHLO"] = "299-r\r\n299-STARTTLS\r\n299 SIZE\r\n";
        talk.Relay.Replies["DATA"] = "399 well\r\n";
        talk.Relay.Replies["."] = "298 mine\r\n";
        talk.Told();
        Assert.That(talk.FromClient("EHLO c\r\n").Told(), Is.EqualTo("299-r\r\n299 SIZE\r\n"));
        Assert.That(talk.FromClient("DATA\r\n" + Text + ".\r\n").Told(), Is.EqualTo("399 well\r\n298 mine\r\n"));
        Assert.That(talk.Judged, Is.EqualTo(new[] { Unstuffed }));
        foreach (var refusal in new[] { "499 later\r\n", "599 never\r\n" })
        {
            talk.Relay.Replies["DATA"] = refusal;
            Assert.That(talk.FromClient("DATA\r\nNOOP\r\n").Told(), Is.EqualTo(refusal + "250 NOOP ok\r\n"));
        }
    }

    [Test]
    [Category("RFC5321-4.1.1.5-1")]
    public void RSET_at_each_step_passes_and_what_follows_begins_anew([Range(0, 3)] int step)
    {
        string[] steps = ["EHLO c\r\n", "MAIL FROM:<old@b>\r\n", "RCPT TO:<old@d>\r\n", "DATA\r\nold: 1\r\n\r\nold\r\n.\r\n"];
        var talk = new Conversation();
        talk.FromClient("EHLO c\r\n" + string.Concat(steps[..(step + 1)])).Told();
        var before = talk.Relay.Messages.Count;
        Assert.That(talk.FromClient("RSET\r\n").Told(), Is.EqualTo("250 RSET ok\r\n"));
        Assert.That(talk.Relay.Commands[^1], Is.EqualTo("RSET"));
        Assert.That(talk.Dialogue.Phase, Is.EqualTo(Phase.Commands));
        Assert.That(
            talk.FromClient(Envelope + "DATA\r\n" + Text + ".\r\n").Told(),
            Is.EqualTo(EnvelopeReplies + "354 go on\r\n250 2.0.0 queued\r\n"));
        Assert.That(talk.Judged[^1], Is.EqualTo(Unstuffed));
        Assert.That(talk.Relay.Messages.Skip(before), Is.EqualTo(new[] { Conversation.Added + Unstuffed }));
    }

    [Test]
    [Category("RFC5321-4.2-1")]
    [Category("RFC5321-4.2-2")]
    public void Replies_of_any_code_pass_unchanged(
        [Values("250", "299 x", "451-a\r\n451 b", "499", "550-5.1.1 a\r\n550-\r\n550 c", "599 \t odd", "253 \u00fc")] string reply)
    {
        var talk = new Conversation();
        talk.Relay.Replies["NOOP"] = reply + "\r\n";
        talk.Told();
        Assert.That(talk.FromClient("NOOP\r\n").Told(), Is.EqualTo(reply + "\r\n"));
        Assert.That(talk.Dialogue.Phase, Is.EqualTo(Phase.Commands));
    }
}
