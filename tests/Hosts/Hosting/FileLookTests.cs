using Dkim.Hosting.Files;
using Microsoft.Extensions.Time.Testing;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Hosting;

/// <summary>When files are looked at: as often as it is said, and never where there are none.</summary>
internal sealed class FileLookTests
{
    [Test]
    public async Task Files_are_looked_at_only_while_there_are_some()
    {
        var clock = new FakeTimeProvider();
        using var stop = new CancellationTokenSource();
        using var look = new FileLook(TimeSpan.FromSeconds(1), any: false, clock);
        var looks = 0;
        var running = look.RunAsync(
            () =>
            {
                Interlocked.Increment(ref looks);
                return Task.CompletedTask;
            },
            stop.Token);
        clock.Advance(TimeSpan.FromHours(1));
        await Task.Delay(200);
        Assert.That(Volatile.Read(ref looks), Is.Zero);
        look.Follow(any: true);
        clock.Advance(TimeSpan.FromSeconds(1));
        await Tools.Eventually(() => Volatile.Read(ref looks) == 1, "it looks");
        look.Follow(any: false);
        clock.Advance(TimeSpan.FromHours(1));
        await Task.Delay(200);
        Assert.That(Volatile.Read(ref looks), Is.EqualTo(1));
        await stop.CancelAsync();
        await running;
    }
}
