// A process to test what only a process can show: its name, its user, its life in the background, its signals.
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Dkim.Core.Dns;
using Dkim.Core.Programs.Settings;
using Dkim.Hosting;

return args switch
{
    ["name", ..] => Say(OwnProcess.ProgramName),
    ["become", var user, var group] => Become(user, group),
    ["daemon", var pidFile, var outcome] => await DaemonAsync(pidFile, outcome),
    ["signals"] => await SignalsAsync(),
    ["core"] => Core(),
    ["activate"] => Activate(),
    ["resolve", var server, var name, var kind] => await ResolveAsync(server, name, Enum.Parse<ResolverKind>(kind)),
    ["ask", var server, var kind, var count, var atOnce] => await AskAsync(
        server, Enum.Parse<ResolverKind>(kind), int.Parse(count, CultureInfo.InvariantCulture),
        int.Parse(atOnce, CultureInfo.InvariantCulture)),
    ["follow", var name, var kind, var signal] => await FollowAsync(name, Enum.Parse<ResolverKind>(kind), signal == "refresh"),
    ["spool", var directory, var count] => FillSpools(directory, int.Parse(count, CultureInfo.InvariantCulture)),
    ["log", var socket, var how] => await LogAsync(socket, how),
    ["listen", var address] => await ListenAsync(address),
    _ => 64,
};

static int Say(string text)
{
    Console.Out.WriteLine(text);
    return 0;
}

static int Become(string user, string group)
{
    try
    {
        var account = Account.Find(user.Length == 0 ? null : user, group.Length == 0 ? null : group);
        Console.Out.WriteLine($"threads {Directory.GetDirectories("/proc/self/task").Length}");
        account.Become();
    }
    catch (StartupException failure)
    {
        Console.Error.WriteLine($"{failure.Fault}: {failure.Message}");
        return 77;
    }

    var ids = Directory.GetDirectories("/proc/self/task")
        .SelectMany(task => File.ReadLines($"{task}/status"))
        .Where(line => line.StartsWith("Uid:", StringComparison.Ordinal)
            || line.StartsWith("Gid:", StringComparison.Ordinal)
            || line.StartsWith("Groups:", StringComparison.Ordinal))
        .Select(line => line.Replace('\t', ' ').Trim())
        .Distinct();
    foreach (var line in ids)
    {
        Console.Out.WriteLine(line);
    }

    var shadow = Task.Run(() =>
    {
        try
        {
            return File.ReadAllText("/etc/shadow").Length > 0 ? "readable" : "empty";
        }
        catch (UnauthorizedAccessException)
        {
            return "refused";
        }
    });
    return Say($"shadow {shadow.Result}");
}

static async Task<int> DaemonAsync(string pidFile, string outcome)
{
    try
    {
        PidFile.RefuseIfAlive(pidFile);
        if (Daemon.Detach(out var exitCode) is not { } daemon)
        {
            return exitCode;
        }

        if (outcome == "fail")
        {
            Console.Error.WriteLine("the key is missing");
            return 78;
        }

        if (outcome == "vanish")
        {
            return 0;
        }

        using var signals = new Signals();
        using var file = PidFile.Create(pidFile);
        daemon.Ready();
        await signals.Incoming.ReadAsync();
        return 0;
    }
    catch (StartupException failure)
    {
        Console.Error.WriteLine($"{failure.Fault}: {failure.Message}");
        return 75;
    }
}

static async Task<int> SignalsAsync()
{
    using var signals = new Signals();
    Console.Out.WriteLine("up");
    while (await signals.Incoming.ReadAsync() is var signal)
    {
        Console.Out.WriteLine(signal);
        if (signal == Signal.Terminate)
        {
            break;
        }
    }

    return 0;
}

static int Core()
{
    OwnProcess.ForbidCoreDumps();
    const int GetDumpable = 3;
    Console.Out.WriteLine(File.ReadLines("/proc/self/limits").First(line => line.Contains("core file", StringComparison.Ordinal)));
    return Say($"dumpable {Calls.Prctl(GetDumpable, 0, 0, 0, 0)}");
}

static int Activate()
{
    using var listening = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    listening.Bind(new IPEndPoint(IPAddress.Loopback, 0));
    listening.Listen();
    var port = ((IPEndPoint)listening.LocalEndPoint!).Port;
    if (Calls.Dup2((int)listening.Handle, 3) != 3)
    {
        return 1;
    }

    Environment.SetEnvironmentVariable("LISTEN_FDS", "1");
    Environment.SetEnvironmentVariable("LISTEN_FDNAMES", "mail");
    Environment.SetEnvironmentVariable("LISTEN_PID", "1");
    Console.Out.WriteLine($"for another process: {Systemd.TakeSockets().Count}");
    Environment.SetEnvironmentVariable("LISTEN_PID", Environment.ProcessId.ToString(CultureInfo.InvariantCulture));
    var taken = Systemd.TakeSockets();
    using var listener = Listener.Adopt(taken.Select(entry => entry.Socket));
    Console.Out.WriteLine($"for us: {taken.Count} {taken[0].Name} {((IPEndPoint)listener.Addresses[0]).Port == port}");
    return Say($"once more: {Systemd.TakeSockets().Count}");
}

static async Task<int> ResolveAsync(string server, string name, ResolverKind kind)
{
    // Without a server those of resolv.conf are asked.
    using var resolver = Resolvers.Open(new ResolverSettings
    {
        Forwarders = server.Length == 0 ? [] : [NameServer.parse(server).ResultValue],
        Kind = kind,
    });
    Console.Out.WriteLine(resolver.Description);
    return Say(await FindAsync(resolver, name));
}

// Many names below bench.test, so many at once, after some to warm up; what it took.
static async Task<int> AskAsync(string server, ResolverKind kind, int count, int atOnce)
{
    using var resolver = Resolvers.Open(
        new ResolverSettings { Forwarders = [NameServer.parse(server).ResultValue], Kind = kind, Caching = false });
    await AskAllAsync(resolver, "w", 2000, atOnce);
    var cpu = Environment.CpuUsage.TotalTime;
    var watch = Stopwatch.StartNew();
    var found = await AskAllAsync(resolver, "n", count, atOnce);
    watch.Stop();
    cpu = Environment.CpuUsage.TotalTime - cpu;
    return Say(string.Create(
        CultureInfo.InvariantCulture,
        $"found {found} seconds {watch.Elapsed.TotalSeconds:F3} cpu {cpu.TotalSeconds:F3} {resolver.Description}"));
}

static async Task<int> AskAllAsync(WatchedResolver resolver, string prefix, int count, int atOnce)
{
    var next = -1;
    var found = 0;
    async Task WorkAsync()
    {
        for (var i = Interlocked.Increment(ref next); i < count; i = Interlocked.Increment(ref next))
        {
            // Of many domains: one alone may not have all the places.
            var question = new Question($"{prefix}{i}.d{i % 50}.bench.test", RecordType.Txt);
            var answer = await resolver.AskAsync(question, CancellationToken.None).ConfigureAwait(false);
            if (answer.Outcome.IsRecords)
            {
                Interlocked.Increment(ref found);
            }
        }
    }

    await Task.WhenAll(Enumerable.Range(0, atOnce).Select(_ => Task.Run(WorkAsync)));
    return found;
}

static async Task<string> FindAsync(WatchedResolver resolver, string name)
{
    var question = new Question(name, RecordType.Txt);
    var answer = (await new MessageLookups(resolver, LookupBudgetModule.ofQuestions(20, 10)).AskAsync([question]))[question];
    return answer.Outcome switch
    {
        Outcome.Records records => string.Join('|', records.Item),
        Outcome.Unavailable unavailable => unavailable.reason,
        _ => "no such name",
    };
}

// Asks twice; between the questions, a line on standard input.
static async Task<int> FollowAsync(string name, ResolverKind kind, bool refresh)
{
    using var resolver = Resolvers.Open(new ResolverSettings { Kind = kind, Caching = false, Time = TimeSpan.FromSeconds(3) });
    Console.Out.WriteLine(await FindAsync(resolver, name));
    Console.In.ReadLine();
    if (refresh)
    {
        resolver.Refresh();
    }

    return Say(await FindAsync(resolver, name));
}

static async Task<int> LogAsync(string socket, string how)
{
    await using var log = new Log(new LogSettings("prog", SyslogPath: socket, ToStandardError: how is not "only"));
    if (how == "flood")
    {
        for (var i = 0; i < 3000; i++)
        {
            log.Information($"flood {i}");
        }

        return 0;
    }

    log.Information("one\nline");
    log.Information("two");
    log.Error("three");
    return 0;
}

static async Task<int> ListenAsync(string address)
{
    try
    {
        using var listener = await Listener.OpenAsync(EndpointModule.parse(address).ResultValue);
        Console.Out.WriteLine(listener.Addresses[0]);
        return 0;
    }
    catch (StartupException failure)
    {
        Console.Error.WriteLine(failure.Message);
        return 69;
    }
}

static int FillSpools(string directory, int count)
{
    var area = new SpoolArea(directory);
    var piece = new byte[16 * 1024];
    Random.Shared.NextBytes(piece);
    var spools = Enumerable.Range(0, count).Select(_ => area.Open()).ToArray();
    for (var i = 0; i < 20 << 20; i += piece.Length)
    {
        foreach (var spool in spools)
        {
            spool.Append(piece);
        }
    }

    foreach (var spool in spools)
    {
        for (long at = 0; at < spool.Length; at += spool.Read(at, piece))
        {
        }
    }

    var peak = File.ReadLines("/proc/self/status").First(line => line.StartsWith("VmHWM", StringComparison.Ordinal));
    Array.ForEach(spools, spool => spool.Dispose());
    return Say($"{spools.Sum(spool => spool.Length)} {peak.Split(' ', StringSplitOptions.RemoveEmptyEntries)[^2].Trim()}");
}

internal static class Calls
{
    [DllImport("libc.so.6", EntryPoint = "prctl")]
    public static extern int Prctl(int option, nuint a, nuint b, nuint c, nuint d);

    [DllImport("libc.so.6", EntryPoint = "dup2")]
    public static extern int Dup2(int from, int to);
}
