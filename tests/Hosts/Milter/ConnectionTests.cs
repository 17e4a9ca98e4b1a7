using NUnit.Framework;

namespace Dkim.Tests.Hosts.Milter;

/// <summary>One connection of an MTA to dkim-filter: what one client or message of it leaves for the next, and what is said
/// in an MTA's own way.</summary>
[TestFixture]
public sealed class ConnectionTests : ServiceFixture
{
    private const string Stranger = "192.0.2.1";

    [Test]
    public void AClientThatIsLeftAloneLeavesTheNextOneToTheFilter()
    {
        scratch.Write("peers", "192.0.2.9\n");
        Start("PidFile pid", $"PeerList {scratch.At("peers")}");
        using var mta = new Mta(Socket, "192.0.2.9");
        Assert.That(mta.Greeting, Is.EqualTo("a"), "nothing of it is looked at");
        mta.Change("127.0.0.1");
        Assert.That(mta.Pass("me@example.org")[0], Does.Contain("DKIM-Signature"));
    }

    // As sendmail writes it.
    [Test]
    public void AnAddressOfIPv6MayHaveItsTag()
    {
        scratch.Write("internal", "2001:db8::/32\n");
        Start("PidFile pid", $"InternalHosts {scratch.At("internal")}");
        using var mta = new Mta(Socket, "IPv6:2001:db8::1");
        Assert.That(mta.Pass("me@example.org")[0], Does.Contain("DKIM-Signature"));
        mta.Change("IPv6:2001:db9::1");
        Assert.That(mta.Pass("me@example.org")[0], Does.Not.Contain("DKIM-Signature"));
    }

    [Test]
    public void AMessageGivesBackTheRoomOfItsHeader()
    {
        Start("PidFile pid", "MaximumHeaders 0");
        using var mta = new Mta(Socket);
        var field = "X-Long: " + new string('x', 700_000);

        // More than all connections may hold together.
        for (var message = 0; message < 110; message++)
            Assert.That(mta.Pass("me@example.org", "One line.\r\n", field)[0], Does.Contain("DKIM-Signature"), $"message {message}");
    }

    [Test]
    public void EachMessageHasQuestionsOfItsOwn()
    {
        const int Messages = 60;
        scratch.Write("keys", string.Concat(
            Enumerable.Range(0, Messages).Select(message => $"s{message}._domainkey.example.org v=DKIM1; p=\n")));
        Start("PidFile pid");
        using var mta = new Mta(Socket, Stranger);
        var hash = Convert.ToBase64String(new byte[32]);
        for (var message = 0; message < Messages; message++)
        {
            var replies = mta.Pass(
                "me@example.org", "One line.\r\n",
                $"DKIM-Signature: v=1; a=rsa-sha256; d=example.org; s=s{message}; h=from; bh={hash}; b=AAAA");
            Assert.That(replies[^1], Is.EqualTo("a").Or.EqualTo("c"), $"message {message} is not put off");
        }
    }

    // MTAs take the text of a reply as a format.
    [Test]
    public void APercentSignOfARefusalReachesTheClientAsItIs()
    {
        scratch.Write(
            "policies", "example.com v=exists\n_adsp._domainkey.example.com dkim=discardable; rs=we=20sign=20100%=20of=20it\n");
        Start("PidFile pid", "ADSPDiscard yes", $"TestPublicKeys {scratch.At("policies")}");
        using var mta = new Mta(Socket, Stranger);
        Assert.That(
            mta.Pass("me@example.com")[^1],
            Is.EqualTo("y550 5.7.1 we sign 100%% of it: rejected due to DKIM ADSP evaluation\0"));
    }
}
