using System.Collections.Concurrent;
using System.Net;

namespace Dkim.Tests.Hosts.Hosting;

/// <summary>A name server that answers every question, but none before it is told to.</summary>
public sealed class HeldServer : IDisposable
{
    private readonly ConcurrentDictionary<string, bool> names = [];
    private readonly TaskCompletionSource answer = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly FakeServer server;

    /// <param name="text">The TXT record of every name.</param>
    public HeldServer(string text) => server = new FakeServer(async query =>
    {
        names.TryAdd(Convert.ToHexString(query.AsSpan(12, Array.IndexOf(query, (byte)0, 12) - 12)), true);
        await answer.Task;
        return FakeServer.Reply(query, 0, FakeServer.Txt(text));
    });

    public IPEndPoint Address => server.Address;

    /// <summary>Questions that differ.</summary>
    public int Names => names.Count;

    /// <summary>Answers what was asked and what will be.</summary>
    public void Answer() => answer.TrySetResult();

    public void Dispose()
    {
        Answer();
        server.Dispose();
    }
}
