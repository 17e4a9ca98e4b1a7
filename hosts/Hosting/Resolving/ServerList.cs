using System.Net;
using Dkim.Core.Dns;

namespace Dkim.Hosting.Resolving;

/// <summary>A name server and when it last failed.</summary>
internal sealed class Server(IPEndPoint address)
{
    private long troubleUntil;

    public DnsClient.NameServer Address { get; } = new(address);

    /// <summary>Whether others are asked first: a dead server would cost every question its wait.</summary>
    public bool IsTroubled(long now) => Volatile.Read(ref troubleUntil) > now;

    public void Fails(long now) => Volatile.Write(ref troubleUntil, now + ResolverLimits.TroubleTime);

    public void Answers() => Volatile.Write(ref troubleUntil, 0);
}

/// <summary>The servers that one question may be asked of, and how long each may take.</summary>
internal sealed class ServerList
{
    private readonly TimeProvider clock;
    private readonly Server[] servers;
    private readonly TimeSpan time;

    /// <param name="time">For one question, over all servers and repetitions.</param>
    public ServerList(IEnumerable<IPEndPoint> addresses, TimeSpan time, TimeProvider clock)
    {
        this.clock = clock;
        servers = [.. addresses.Select(address => new Server(address))];
        this.time = time;
    }

    /// <summary>The tries of a question, in order, each with its time: every server once, and then once more with twice
    /// the time shared out.</summary>
    public IEnumerable<(Server Server, TimeSpan Wait)> Tries()
    {
        var now = clock.Milliseconds();
        var order = servers.Length == 1 ? servers : [.. servers.OrderBy(server => server.IsTroubled(now))];
        foreach (var server in order)
        {
            yield return (server, ResolverLimits.firstWait(time, servers.Length));
        }

        foreach (var server in order)
        {
            yield return (server, ResolverLimits.secondWait(time, servers.Length));
        }
    }

    public override string ToString() => string.Join(", ", servers.Select(server => server.Address));
}
