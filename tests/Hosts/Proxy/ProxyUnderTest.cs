using Dkim.Core.Programs.Proxies.Shared;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Dkim.Hosting;
using Dkim.ProxyHost.Dialogue;
using Dkim.ProxyHost.Sessions;
using Dkim.Tests.Hosts.Hosting;
using Microsoft.Extensions.Time.Testing;
using Endpoint = Dkim.Core.Programs.Settings.Endpoint;
using EndpointFamily = Dkim.Core.Programs.Settings.EndpointFamily;

namespace Dkim.Tests.Hosts.Proxy;

/// <summary>The pump with real sockets, a filter that adds one field, or does what a test says, and a clock that stands
/// still unless it is moved.</summary>
internal sealed class ProxyUnderTest : IAsyncDisposable
{
    private readonly FakeTimeProvider clock = new();
    private readonly OpenConnections sessions;
    private readonly CancellationTokenSource stop = new();
    private readonly Task serving;
    private readonly List<string> reports = [];
    private int fed;

    public ProxyUnderTest(int relayPort, Func<Relaying, Relaying>? change = null, Func<string, ProxyDisposition>? decide = null)
    {
        sessions = new OpenConnections(clock);
        var patience = new Patience(TimeSpan.FromHours(1), TimeSpan.FromSeconds(30), TimeSpan.FromSeconds(30))
        {
            Clock = clock,
        };
        var relaying = new Relaying(patience, new DialogueLimits(), new SpoolArea())
        {
            ConnectAsync = new NextHop(new Endpoint(EndpointFamily.IPv4, "127.0.0.1", relayPort), clock).ConnectAsync,
            Filter = _ => new Filter(this, decide ?? (_ => Added)),
            Log = line => Report(line.Line),
        };
        relaying = change?.Invoke(relaying) ?? relaying;
        var listener = Listener.OpenAsync(new Endpoint(EndpointFamily.IPv4, "127.0.0.1", 0)).GetAwaiter().GetResult();
        Address = listener.Addresses[0];
        serving = listener.ServeAsync(
            (socket, _) => sessions.ServeAsync(new Session(socket, relaying)),
            new ServeSettings(MaxConnections, TimeSpan.FromSeconds(10)),
            Report,
            stop.Token);
    }

    public const int MaxConnections = 20;

    public static ProxyDisposition Added { get; } = ProxyDisposition.NewRelay(Encoding.Latin1.GetBytes(Conversation.Added), 0);

    public EndPoint Address { get; }

    /// <summary>What the log was told.</summary>
    public IReadOnlyList<string> Reports
    {
        get
        {
            lock (reports)
                return [.. reports];
        }
    }

    /// <summary>Octets of messages that filters were fed with.</summary>
    public int Fed => Volatile.Read(ref fed);

    public void Advance(TimeSpan time) => clock.Advance(time);

    /// <summary>Lets time pass until this has ended; how long that was.</summary>
    public Task<TimeSpan> PassAsync(Task task) => clock.PassAsync(task);

    /// <summary>What the client hears to the end of its connection, while time passes.</summary>
    public async Task<string> RestAsync(Client client)
    {
        var rest = client.RestAsync();
        await PassAsync(rest);
        return await rest;
    }

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

    private void Report(string line)
    {
        lock (reports)
            reports.Add(line);
    }

    private sealed class Filter(ProxyUnderTest proxy, Func<string, ProxyDisposition> decide) : IMessageFilter
    {
        private readonly StringBuilder text = new();

        public int Feed(ReadOnlySpan<byte> octets)
        {
            text.Append(Encoding.Latin1.GetString(octets));
            Interlocked.Add(ref proxy.fed, octets.Length);
            return octets.Length;
        }

        public bool Waits => false;

        public Task ReadyAsync(CancellationToken cancellation) => Task.CompletedTask;

        public async ValueTask<ProxyDisposition> DecideAsync(CancellationToken cancellation)
        {
            await Task.Yield();
            return decide(text.ToString());
        }

        public void Dispose() => text.Clear();
    }
}
