using System.Net;
using Dkim.Core.Dns;
using Dkim.Core.Words;
using Dkim.Hosting;
using Microsoft.Extensions.Time.Testing;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Hosting;

/// <summary>Rules of time that a whole program shows only to those who wait, on a clock that is moved.</summary>
public sealed class PatienceTests
{
    private readonly FakeTimeProvider clock = new();

    [Test]
    public void Restarts_are_counted_within_their_time()
    {
        var counter = new RestartCounter(new RestartLimits(0, (2, TimeSpan.FromMinutes(1))));
        string? After(int seconds)
        {
            clock.Advance(TimeSpan.FromSeconds(seconds));
            return counter.Add(clock.GetElapsedTime(0));
        }

        Assert.That((After(0), After(30), After(30), After(29)), Is.EqualTo(((string?)null, (string?)null, (string?)null, "maximum restart rate exceeded")));
        Assert.That(After(61), Is.Null, "those before are forgotten");
    }

    [Test]
    public void Restarts_in_all_are_counted_however_long_they_take()
    {
        var counter = new RestartCounter(new RestartLimits(2, null));
        Assert.That(Enumerable.Range(1, 3).Select(day => counter.Add(TimeSpan.FromDays(day))).ToArray(), Is.EqualTo(
            new[] { null, null, "maximum restart count exceeded" }));
    }

    [Test]
    public void A_server_that_failed_is_asked_last_for_ten_seconds()
    {
        IPEndPoint first = new(IPAddress.Loopback, 1), second = new(IPAddress.Loopback, 2);
        var servers = new ServerList([first, second], TimeSpan.FromSeconds(10), clock);
        int[] Ports() => [.. servers.Tries().Select(tried => tried.Server.Address.Port)];
        Assert.That(Ports(), Is.EqualTo((int[])[1, 2, 1, 2]));
        servers.Tries().First().Server.Fails(clock.Milliseconds());
        Assert.That(Ports(), Is.EqualTo((int[])[2, 1, 2, 1]));
        clock.Advance(TimeSpan.FromMilliseconds(9_999));
        Assert.That(Ports(), Is.EqualTo((int[])[2, 1, 2, 1]));
        clock.Advance(TimeSpan.FromMilliseconds(1));
        Assert.That(Ports(), Is.EqualTo((int[])[1, 2, 1, 2]));
    }

    [Test]
    public async Task Who_holds_a_place_for_long_gives_way_to_one_who_waits()
    {
        using var places = new LookupPlaces(4, clock);
        var gaveWay = new List<string>();
        Task<LookupPlaces.Place> Enter(string name) =>
            places.EnterAsync(name, () => gaveWay.Add(name), CancellationToken.None);
        var held = new List<LookupPlaces.Place>();
        foreach (var name in (string[])["a.one", "b.two", "c.three", "d.four"])
        {
            held.Add(await Enter(name));
        }

        clock.Advance(TimeSpan.FromMinutes(1));
        Assert.That(gaveWay, Is.Empty, "nobody waits");
        var waits = Enter("e.five");
        clock.Advance(TimeSpan.FromMilliseconds(2));
        Assert.That(gaveWay, Is.EqualTo((string[])["a.one"]), "one for one");
        Assert.That(waits.IsCompleted, Is.False);
        held[0].Leave(LookupEnd.Silent);
        held[0] = await waits;
        waits = Enter("f.six");
        held.Skip(1).ToList().ForEach(place => place.Leave(LookupEnd.Answered));
        await waits;
        clock.Advance(TimeSpan.FromMinutes(1));
        Assert.That(gaveWay, Is.EqualTo((string[])["a.one"]), "there are places");
    }

    [Test]
    public async Task Who_waits_no_longer_for_a_place_gets_none()
    {
        using var places = new LookupPlaces(4, clock);
        Task<LookupPlaces.Place> Enter(string name, CancellationToken cancellation = default) =>
            places.EnterAsync(name, () => { }, cancellation);
        var held = new List<LookupPlaces.Place>();
        foreach (var name in (string[])["a.one", "b.two", "c.three", "d.four"])
        {
            held.Add(await Enter(name));
        }

        using var impatient = new CancellationTokenSource();
        Task[] given = [.. Enumerable.Range(0, 8).Select(i => Enter($"n{i}.five", impatient.Token))];
        await impatient.CancelAsync();
        Assert.That(given.Select(waiting => waiting.IsCanceled), Is.All.True);
        held.ForEach(place => place.Leave(LookupEnd.Answered));
        Task[] next = [.. Enumerable.Range(0, 4).Select(i => Enter($"x.later{i}"))];
        Assert.That(next.Select(entering => entering.IsCompletedSuccessfully), Is.All.True, "all places are free");
    }
}
