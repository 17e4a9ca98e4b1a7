// Measures what the hosts' own sockets are worth: lock-step exchanges with a server that answers each request, by every
// way to write one. The server is a process of its own, so that its processor time is known.
using System.Diagnostics;
using System.Globalization;
using Dkim.Bench.Sockets;

return args switch
{
    ["serve", var way, var size] => await Servers.RunAsync(way, Number(size)),
    ["client", var port, var connections, var exchanges, var size] =>
        Client.Run(Number(port), Number(connections), Number(exchanges), Number(size)),
    [] => Measure(exchanges: 40_000, rounds: 3),
    [var exchanges, var rounds] => Measure(Number(exchanges), Number(rounds)),
    _ => 64,
};

static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);

static int Measure(int exchanges, int rounds)
{
    Console.Out.WriteLine($"{exchanges:N0} exchanges, best of {rounds}; ratios to the first way of each table");
    foreach (var (size, what) in ((int, string)[])[(64, "commands of 64 octets"), (32 * 1024, "pieces of 32 KiB")])
    {
        foreach (var connections in (int[])[1, 64])
        {
            Console.Out.WriteLine($"\n{what}, {connections} connection{(connections == 1 ? "" : "s")}");
            Console.Out.WriteLine($"{"",-34}{"exchanges/s",14}{"ratio",8}{"our µs each",14}{"ratio",8}");
            Table(size, connections, exchanges, rounds);
        }
    }

    return 0;
}

// Rounds of all ways in turn, so that what disturbs the machine disturbs all.
static void Table(int size, int connections, int exchanges, int rounds)
{
    var best = Servers.Ways.ToDictionary(way => way, _ => (Rate: 0.0, Cost: double.MaxValue));
    for (var round = 0; round < rounds; round++)
    {
        foreach (var way in Servers.Ways)
        {
            var (rate, cost) = Once(way, size, connections, exchanges);
            best[way] = (Math.Max(rate, best[way].Rate), Math.Min(cost, best[way].Cost));
        }
    }

    var (ownRate, ownCost) = best[Servers.Ways[0]];
    foreach (var way in Servers.Ways)
    {
        var (rate, cost) = best[way];
        Console.Out.WriteLine($"{way,-34}{rate,14:N0}{rate / ownRate,8:F2}{cost,14:F1}{cost / ownCost,8:F2}");
    }
}

static (double Rate, double Cost) Once(string way, int size, int connections, int exchanges)
{
    using var server = Start(way.Contains("inline", StringComparison.Ordinal), "serve", way, $"{size}");
    try
    {
        var port = server.StandardOutput.ReadLine()!;
        _ = Run(port, connections, exchanges / 4, size);
        server.Refresh();
        var before = server.TotalProcessorTime;
        var seconds = Run(port, connections, exchanges, size);
        server.Refresh();
        return (exchanges / seconds, (server.TotalProcessorTime - before).TotalMicroseconds / exchanges);
    }
    finally
    {
        server.Kill();
        server.WaitForExit();
    }
}

static double Run(string port, int connections, int exchanges, int size)
{
    using var client = Start(false, "client", port, $"{connections}", $"{exchanges}", $"{size}");
    var said = client.StandardOutput.ReadToEnd();
    client.WaitForExit();
    return double.Parse(said, CultureInfo.InvariantCulture);
}

static Process Start(bool inline, params string[] arguments)
{
    var start = new ProcessStartInfo(Environment.ProcessPath!, arguments) { RedirectStandardOutput = true };
    if (inline)
        start.Environment["DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS"] = "1";
    return Process.Start(start)!;
}
