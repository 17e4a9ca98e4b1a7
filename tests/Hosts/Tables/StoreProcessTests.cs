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
        foreach (var seconds in new[] { 1, 2, 1 })
        {
            var defaults = StoreRules.defaults;
            var times = new StoreTimes(defaults.Found, defaults.Absent, defaults.Stale, TimeSpan.FromSeconds(seconds));
            var told = await process.AskAsync(new StoreUse("t", store, times), ListModule.OfSeq(["a"]));
            Assert.That(told, Is.EqualTo(StoreAnswer.NewUnavailable($"timed out after {seconds} s")));
        }
    }
}
