using Dkim.Core.Programs.Proxies.Smtp;
using Dkim.ProxyHost.Dialogue;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Proxy;

/// <summary>A next hop that dies, falls silent or speaks out of turn costs the client a 4xx and never a
/// message.</summary>
public sealed class RelayDeathTests
{
    private static readonly string[] Steps =
        ["EHLO c\r\n", "MAIL FROM:<a@b>\r\n", "RCPT TO:<c@d>\r\n", "DATA\r\n", "a: b\r\n\r\nx", "\r\n.\r\n", "NOOP\r\n"];

    [Test]
    [Category("RFC5321-3.8-1")]
    [Category("RFC5321-4.1.1.4-3")]
    [Category("RFC5321-6.1-1")]
    public void Its_death_between_two_steps_is_told_at_once_or_after_the_text([Range(0, 7)] int step)
    {
        var talk = new Conversation();
        for (var i = 0; i < step; i++)
            talk.FromClient(Steps[i]);
        var accepted = talk.Relay.Messages.Count;
        talk.Told();

        talk.Dialogue.RelayLost("gone");
        for (var i = step; i < Steps.Length; i++)
            talk.FromClient(Steps[i]);

        Assert.That(talk.FromClient("").Told(), Does.Match("^421 4[.]4[.]2 gone\r\n$"));
        Assert.That(talk.Dialogue.Phase, Is.EqualTo(Phase.Closed));
        Assert.That(talk.Relay.Messages, Has.Count.EqualTo(accepted));
        Assert.That(talk.Judged, Has.Count.EqualTo(accepted));
    }

    [Test]
    [Category("RFC5321-3.8-1")]
    [Category("RFC5321-4.2-1")]
    public void Its_death_within_a_reply_answers_the_command([Range(0, 6)] int step)
    {
        var talk = new Conversation();
        foreach (var earlier in Steps[..step])
            talk.FromClient(earlier);
        foreach (var verb in (string[])["EHLO", "MAIL", "RCPT", "DATA", ".", "NOOP"])
            talk.Relay.Replies[verb] = "250-half a rep";
        talk.FromClient(Steps[step]);
        if (step == 4)
            talk.FromClient(Steps[5]);
        talk.Told();
        talk.Dialogue.RelayLost("gone");
        Assert.That(talk.FromClient("").Told(), Is.EqualTo("421 4.4.2 gone\r\n"));
        Assert.That(talk.Dialogue.Phase, Is.EqualTo(Phase.Closed));
    }

    [Test]
    [Category("RFC5321-3.8-1")]
    [Category("RFC5321-6.1-1")]
    public void Its_death_while_the_message_is_judged_or_sent_gives_421([Values] bool sending)
    {
        var talk = new Conversation();
        talk.Decide = _ =>
        {
            if (sending)
                talk.Dialogue.Deliver();
            talk.Dialogue.RelayLost("gone");
            return null;
        };
        foreach (var step in Steps[..5])
            talk.FromClient(step);
        talk.Told();
        Assert.That(talk.FromClient("\r\n.\r\n").Told(), Is.EqualTo("421 4.4.2 gone\r\n"));
        Assert.That(talk.Relay.Messages, Is.Empty);
    }

    [Test]
    public void No_greeting_is_an_internal_error()
    {
        var talk = new Conversation(greet: false);
        talk.Dialogue.RelayLost("gone");
        Assert.That(talk.FromClient("").Told(), Is.EqualTo("421 Internal error (Next hop is down)\r\n"));
    }

    [Test]
    public void A_421_of_the_relay_is_the_last_reply([Values("EHLO", "MAIL", "DATA", ".")] string verb)
    {
        var talk = new Conversation();
        talk.Relay.Replies[verb] = "421 4.3.2 shutting down\r\n";
        foreach (var step in Steps)
            talk.FromClient(step);
        Assert.That(talk.Told(), Does.EndWith("421 4.3.2 shutting down\r\n"));
        Assert.That(talk.Dialogue.Phase, Is.EqualTo(Phase.Closed));
    }

    [TestCase("421 4.4.2 timeout\r\n", true)]
    [TestCase("552 5.3.4 too big\r\n", false)]
    [TestCase("451-a\r\n451 b\r\n", false)]
    public void A_refusal_before_the_final_dot_is_told_after_it(string early, bool closes)
    {
        var talk = new Conversation();
        foreach (var step in Steps[..5])
            talk.FromClient(step);
        talk.FromRelay(early).Told();
        Assert.That(talk.FromClient("more\r\n").Told(), Is.Empty);
        talk.Dialogue.RelayLost("gone");
        Assert.That(talk.FromClient(".\r\n").Told(), Is.EqualTo(early));
        Assert.That(talk.Dialogue.Phase, Is.EqualTo(closes ? Phase.Closed : Phase.Parting));
        Assert.That(talk.Judged, Is.Empty);
    }

    [Test]
    [Category("RFC5321-4.1.1.4-3")]
    [Category("RFC5321-6.1-1")]
    public void An_acceptance_before_the_final_dot_is_never_told()
    {
        var talk = new Conversation();
        foreach (var step in Steps[..5])
            talk.FromClient(step);
        talk.FromRelay("250 2.0.0 queued\r\n").Told();
        Assert.That(talk.FromClient("\r\n.\r\n").Told(), Does.StartWith("421 "));
    }

    [TestCase("hello\r\n")]
    [Category("RFC5321-4.2-1")]
    [TestCase("25 x\r\n")]
    [TestCase("2500 x\r\n")]
    [TestCase("150 x\r\n")]
    [TestCase("250 bare\nlf\r\n")]
    [TestCase("250 bare\rcr\r\n")]
    [TestCase("250 lf only\n")]
    public void What_is_no_reply_ends_the_session(string reply)
    {
        var talk = new Conversation();
        talk.Relay.Replies["NOOP"] = reply;
        talk.Told();
        Assert.That(talk.FromClient("NOOP\r\n").Told(), Does.StartWith("421 4.4.2 "));
    }

    [TestCase(0, "250")]
    [TestCase(1, "421 4.4.2 ")]
    public void A_reply_may_be_as_long_as_the_limit_and_no_longer(int more, string told)
    {
        var lines = string.Concat(Enumerable.Repeat("250-" + new string('r', 506) + "\r\n", (SmtpLimits.Reply / 512) - 1));
        var talk = new Conversation();
        talk.Relay.Replies["NOOP"] = lines + "250 " + new string('r', 506 + more) + "\r\n";
        Assert.That(talk.Relay.Replies["NOOP"], Has.Length.EqualTo(SmtpLimits.Reply + more));
        talk.Told();
        Assert.That(talk.FromClient("NOOP\r\n").Told(), Does.StartWith(told));
    }

    [Test]
    public void A_reply_without_end_ends_the_session()
    {
        var talk = new Conversation(new DialogueLimits(Reply: 1000));
        talk.Relay.Replies["NOOP"] = string.Concat(Enumerable.Repeat("250-more\r\n", 101));
        talk.Told();
        Assert.That(talk.FromClient("NOOP\r\n").Told(), Does.StartWith("421 4.4.2 "));
    }

    [Test]
    public void A_reply_that_nobody_asked_for_ends_the_session()
    {
        var talk = new Conversation();
        talk.Told();
        Assert.That(talk.FromRelay("250 surprise\r\n").Told(), Does.StartWith("421 4.4.2 "));
        Assert.That(talk.Dialogue.Phase, Is.EqualTo(Phase.Closed));
    }
}
