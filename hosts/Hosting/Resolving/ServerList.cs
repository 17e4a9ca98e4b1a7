using System.Net;
using DnsClient;

namespace Dkim.Hosting.Resolving;

/// <summary>A name server and when it last failed.</summary>
internal sealed class Server(IPEndPoint address)
{
    private long troubleUntil;

    public NameServer Address { get; } = new(address);

    /// <summary>Whether others are asked first: a dead server would cost every question its wait.</summary>
    public bool IsTroubled(long now) => Volatile.Read(ref troubleUntil) > now;

    public void Fails(long now) => Volatile.Write(ref troubleUntil, now + ServerList.TroubleTime);

    public void Answers() => Volatile.Write(ref troubleUntil, 0);
}

/// <summary>The servers that one question may be asked of, and how long each may take.</summary>
internal sealed class ServerList
{
    /// <summary>How long a server that failed is asked last, in milliseconds.</summary>
    public const int TroubleTime = 10_000;

    private readonly TimeProvider clock;
    private readonly Server[] servers;
    private readonly TimeSpan wait;

    /// <param name="time">For one question, over all servers and repetitions.</param>
    public ServerList(IEnumerable<IPEndPoint> addresses, TimeSpan time, TimeProvider clock)
    {
        this.clock = clock;
        servers = [.. addresses.Select(address => new Server(address))];
        wait = TimeSpan.FromSeconds(Math.Clamp(time.TotalSeconds / (servers.Length + 2), 1, 30));
    }

    /// <summary>The tries of a question, in order, each with its time: every server once, and then once more with twice
    /// the time shared out.</summary>
    public IEnumerable<(Server Server, TimeSpan Wait)> Tries()
    {
        var now = clock.Milliseconds();
        var order = servers.Length == 1 ? servers : [.. servers.OrderBy(server => server.IsTroubled(now))];
        foreach (var server in order)
        {
            yield return (server, wait);
        }

        foreach (var server in order)
        {
            yield return (server, wait * 2 / servers.Length);
        }
    }

    public override string ToString() => string.Join(", ", servers.Select(server => server.Address));
}
