using Dkim.Hosting;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Hosting;

/// <summary>Waits until a socket is ready.</summary>
internal sealed class Told : IReadiness
{
    private readonly SemaphoreSlim told = new(0);

    public bool Ended { get; private set; }

    public void Ready(bool receive, bool send, bool ended)
    {
        Ended |= ended;
        told.Release();
    }

    public async Task WaitAsync(CancellationToken cancellation = default) =>
        Assert.That(await told.WaitAsync(TimeSpan.FromSeconds(60), cancellation), "readiness is told");
}
