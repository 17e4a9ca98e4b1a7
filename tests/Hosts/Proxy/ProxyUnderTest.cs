using System.Net;
using System.Net.Sockets;
using System.Text;
using Dkim.Hosting;
using Dkim.ProxyHost;
using Endpoint = Dkim.Core.Endpoint;
using EndpointFamily = Dkim.Core.EndpointFamily;

namespace Dkim.Tests.Hosts.Proxy;

/// <summary>The pump with real sockets and a filter that adds one field, or does what a test says.</summary>
internal sealed class ProxyUnderTest : IAsyncDisposable
{
    private readonly OpenConnections sessions = new();
    private readonly CancellationTokenSource stop = new();
    private readonly Task serving;

    public ProxyUnderTest(int relayPort, Func<Relaying, Relaying>? change = null, Func<string, Outcome>? decide = null)
    {
        var patience = new Patience(TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(30), TimeSpan.FromSeconds(30));
        var relaying = new Relaying(patience, new DialogueLimits(), new SpoolArea())
        {
            ConnectAsync = new NextHop(new Endpoint(EndpointFamily.IPv4, "127.0.0.1", relayPort)).ConnectAsync,
            Filter = _ => new Filter(decide ?? (_ => Added)),
            Log = line => Reports.Add(line.Line),
        };
        relaying = change?.Invoke(relaying) ?? relaying;
        var listener = Listener.OpenAsync(new Endpoint(EndpointFamily.IPv4, "127.0.0.1", 0)).GetAwaiter().GetResult();
        Address = listener.Addresses[0];
        serving = listener.ServeAsync(
            (socket, _) => sessions.ServeAsync(new Session(socket, relaying)),
            new ServeSettings(MaxConnections, TimeSpan.FromSeconds(10)),
            Reports.Add,
            stop.Token);
    }

    public const int MaxConnections = 20;

    public static Outcome Added { get; } = new Outcome.Relay(Encoding.Latin1.GetBytes(Conversation.Added), 0);

    public EndPoint Address { get; }

    /// <summary>What the log was told.</summary>
    public List<string> Reports { get; } = [];

    public void Stop(bool now)
    {
        stop.Cancel();
        sessions.Stop(now);
    }

    public Task ServedAsync() => serving;

    public async ValueTask DisposeAsync()
    {
        Stop(now: true);
        await serving;
        sessions.Dispose();
        stop.Dispose();
    }

    private sealed class Filter(Func<string, Outcome> decide) : IMessageFilter
    {
        private readonly StringBuilder text = new();

        public void Feed(ReadOnlySpan<byte> octets) => text.Append(Encoding.Latin1.GetString(octets));

        public async ValueTask<Outcome> DecideAsync(CancellationToken cancellation)
        {
            await Task.Yield();
            return decide(text.ToString());
        }

        public void Dispose() => text.Clear();
    }
}
