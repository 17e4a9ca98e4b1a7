using System.Net;
using System.Net.Sockets;
using Dkim.Core.Stores;
using Dkim.Hosting.Stores;
using Microsoft.FSharp.Collections;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Tables;

/// <summary>dkim-tables as the filter's own side of it uses it.</summary>
internal sealed class StoreProcessTests
{
    [Test]
    public async Task A_time_that_a_reload_has_changed_holds_for_a_store_that_is_open()
    {
        using var silent = new TcpListener(IPAddress.Loopback, 0);
        silent.Start();
        using var process = new StoreProcess(null, TimeProvider.System, TestContext.Out.WriteLine);
        var store = Store.NewLines("127.0.0.1", ((IPEndPoint)silent.LocalEndpoint).Port);
        async Task<StoreAnswer> AskAsync(Store which, int seconds)
        {
            var defaults = StoreRules.defaults;
            var times = new StoreTimes(defaults.Found, defaults.Absent, defaults.Stale, TimeSpan.FromSeconds(seconds));
            return await process.AskAsync(new StoreUse("t", which, times), ListModule.OfSeq(["a"]));
        }

        // The program is up once it has an answer: nobody listens at that port.
        await AskAsync(Store.NewLines("127.0.0.1", 1), 30);
        foreach (var seconds in new[] { 1, 2, 1 })
        {
            Assert.That(await AskAsync(store, seconds), Is.EqualTo(StoreAnswer.NewUnavailable($"timed out after {seconds} s")));
        }
    }
}
