using System.Net;
using System.Text;
using Dkim.Core.Programs.Proxies;
using Dkim.Core.Programs.Running;
using Dkim.Core.Programs.Settings;
using Dkim.Core.Programs.Tool;
using Dkim.Core.Words;
using Dkim.Hosting;
using Microsoft.FSharp.Core;
using Microsoft.Win32.SafeHandles;

namespace Dkim.ProxyHost;

/// <summary>The proxy as a service: opens what only root may, becomes its user, serves, heeds signals, ends.</summary>
internal sealed class Service : IDisposable
{
    // The client's, the relay's, and the file of a large message.
    private const int DescriptorsEach = 3;
    private readonly SettingsFiles files;
    private readonly Func<ProxyStart> begin;
    private readonly Log log;
    private static readonly TimeProvider clock = TimeProvider.System;
    private readonly OpenConnections sessions;
    private readonly Lock gate = new();
    private KeyWatch keys;
    private volatile Serving serving;

    private Service(ProxyProgram program, SwappedResolver resolver, SettingsFiles files, Func<ProxyStart> begin, Log log)
    {
        sessions = new OpenConnections(clock);
        serving = Serving.Begin(program, resolver, log, clock);
        this.files = files;
        this.begin = begin;
        this.log = log;
        keys = new KeyWatch(serving.Program, files, log.Write);
    }

    /// <summary>Starts, serves until a signal says to stop, and gives the exit code.</summary>
    /// <param name="begin">Begins another start from the original arguments.</param>
    public static async Task<int> RunAsync(ProxyProgram program, SettingsFiles files, Func<ProxyStart> begin)
    {
        try
        {
            return await StartAsync(program, files, begin).ConfigureAwait(false);
        }
        catch (StartupException failure)
        {
            StandardStreams.ComplainLine($"{program.Ident}: {Needs.Describe(program, failure)}");
            return 1;
        }
    }

    public void Dispose()
    {
        sessions.Dispose();
        serving.Resolver.Dispose();
    }

    private static async Task<int> StartAsync(ProxyProgram program, SettingsFiles files, Func<ProxyStart> begin)
    {
        var settings = program.Settings;
        var pidPath = Serving.Optional(settings.PidFile);
        if (pidPath is not null)
            PidFile.RefuseIfAlive(pidPath);
        Daemon? daemon = null;
        if (settings.Daemonize)
        {
            daemon = Daemon.Detach(out var exitCode);
            if (daemon is null)
                return exitCode;
        }

        OwnProcess.AllowAllDescriptors();
        using var signals = new Signals();
        var account = Needs.Account(settings);
        using var pidFile = pidPath is null ? null : PidFile.Create(pidPath, account);
        using var listener = await ListenAsync(program).ConfigureAwait(false);
        Log? opened = null;
        var resolver = new SwappedResolver(Needs.Resolver(settings, program.RecordOctets, line => opened?.Warning(line)));
        var looseKeys = SettingsFiles.Warnings(program.Secrets, account).ToArray();
        using var logFile = Needs.LogFile(settings);
        if (Needs.Root(settings) is { } root)
            Enclose(root, daemon);
        Needs.Become(account);
        OwnProcess.ForbidCoreDumps();
        daemon?.Ready();
        await using var log = opened = OpenLog(program, logFile);
        foreach (var warning in looseKeys.Concat(resolver.Warnings))
            log.Warning(warning);
        Serving.Write(program.Notices, log);
        WarnOfSpool(program, log);
        using var service = new Service(program, resolver, files, begin, log);
        await service.ServeAsync(listener, signals).ConfigureAwait(false);
        return 0;
    }

    // Small messages need none.
    private static void WarnOfSpool(ProxyProgram program, Log log)
    {
        try
        {
            Needs.Spool(program.Settings);
        }
        catch (StartupException failure)
        {
            log.Warning($"large messages cannot wait and get 451: {Needs.Describe(program, failure)}");
        }
    }

    // Letting go of the terminal needs /dev and /proc, which no longer can be seen in a root of our own.
    private static void Enclose(string root, Daemon? daemon)
    {
        daemon?.Ready();
        OwnProcess.ChangeRoot(root);
    }

    private static async Task<Listener> ListenAsync(ProxyProgram program)
    {
        if (Systemd.TakeSockets() is { Count: > 0 } passed)
            return Listener.Adopt(passed.Select(given => given.Socket));
        var opened = new List<Listener>();
        foreach (var place in program.Listen)
        {
            opened.Add(await Listener.OpenAsync(place).ConfigureAwait(false));
        }

        return Listener.Join(opened);
    }

    private static Log OpenLog(ProxyProgram program, SafeFileHandle? file)
    {
        var settings = program.Settings;
        if (file is not null)
            OwnProcess.SendStandardErrorTo(file);
        return new Log(new LogSettings(program.Ident, settings.SyslogFacility.Number)
        {
            Clock = clock,
            Least = Severity.Debug,
            ToStandardError = file is not null || !settings.Daemonize,
            Format = settings.LogFormat,
        });
    }

    private async Task ServeAsync(Listener listener, Signals signals)
    {
        using var stop = new CancellationTokenSource();
        var limits = new ServeSettings(MostConnections(), ServiceLimits.grace + ServiceLimits.lastGrace) { Clock = clock };
        var served = listener.ServeAsync((client, _) => AdmitAsync(client), limits, log.Trouble, stop.Token);
        var watching = WatchKeysAsync(stop.Token);
        var place = $"listening at {string.Join(", ", listener.Addresses)}, DNS by {serving.Resolver.Description}";
        Systemd.Ready(place);
        log.Information(place);
        await HeedAsync(signals).ConfigureAwait(false);
        Systemd.Stopping();
        await stop.CancelAsync().ConfigureAwait(false);
        sessions.Stop(now: false);
        var hurried = HurryAsync(signals, served);
        await served.ConfigureAwait(false);
        await hurried.ConfigureAwait(false);
        await watching.ConfigureAwait(false);
    }

    // Descriptors are left for look-ups, keys and the log.
    private int MostConnections()
    {
        var wanted = serving.Program.Settings.MaxServers;
        var most = OwnProcess.MostConnections(wanted, DescriptorsEach);
        if (most < wanted)
        {
            log.Warning(
                $"max_servers {wanted}: no more than {most} connections at once, since this process may have "
                + $"{OwnProcess.AllowedDescriptors()} descriptors; raise LimitNOFILE of the unit, or ulimit -n");
        }

        return most;
    }

    private Task AdmitAsync(StreamSocket client)
    {
        var current = serving;
        var address = client.Peer?.Address ?? IPAddress.None;
        log.Debug($"connect from {address}");
        return current.Program.NamesClients
            ? AdmitNamedAsync(current, client, address)
            : AdmitAsync(current, client, address, FSharpValueOption<string>.None);
    }

    private async Task AdmitNamedAsync(Serving current, StreamSocket client, IPAddress address)
    {
        var name = await ClientName.FindAsync(address, current.Program.Settings, clock).ConfigureAwait(false);
        await AdmitAsync(current, client, address, name).ConfigureAwait(false);
    }

    private Task AdmitAsync(Serving current, StreamSocket client, IPAddress address, FSharpValueOption<string> name)
    {
        if (current.Program.Admits(new ProxyClient(address, name)))
            return sessions.ServeAsync(new Session(client, current.Relaying));
        const string Why = "4.7.1 Client is not allowed";
        var party = new Party(Session.Address(client), TransactionModule.Start);
        log.Write(SessionLog.Told(SessionEvent.NewNotAllowed(421, Why), party, []));
        client.TrySend(OwnReply.Line(421, Why));
        return Task.CompletedTask;
    }

    // Returns with the first signal to stop.
    private async Task HeedAsync(Signals signals)
    {
        await foreach (var signal in signals.Incoming.ReadAllAsync().ConfigureAwait(false))
        {
            if (signal.IsStop())
                return;
            if (signal != Signal.Hangup)
                continue;
            using var turn = ReloadTurn.Begin();
            if (Reload() is { } refusal)
                turn.Refused(refusal);
            else
                turn.Applied();
        }
    }

    // Messages on their way may end; a second signal to stop, or the end of the grace, ends all.
    private async Task HurryAsync(Signals signals, Task served)
    {
        var second = signals.StopAsync();
        if (await Task.WhenAny(served, second, Task.Delay(ServiceLimits.grace, clock)).ConfigureAwait(false) != served)
            sessions.Stop(now: true);
    }

    // The line that says why nothing has changed, or null.
    private string? Reload()
    {
        var before = serving;
        var next = files.Supply(begin()).Again(out var refusal);
        var credentials = Environment.GetEnvironmentVariable("CREDENTIALS_DIRECTORY") ?? "";
        if (next is { } program
            && before.Program.RefusesToFollow(program, files.KeptSecrets, credentials) is { IsSome: true } why)
        {
            refusal = why.Value;
        }

        try
        {
            if (refusal is null)
                Follow(before, next!);
        }
        catch (StartupException failure)
        {
            refusal = ProxyReload.Refused([Needs.Describe(next!, failure)]);
        }

        if (refusal is not null)
            log.Write(refusal);
        return refusal?.Text;
    }

    private void Follow(Serving before, ProxyProgram program)
    {
        FollowResolver(before, program);
        Serving.Write(program.Notices, log);
        lock (gate)
        {
            keys = new KeyWatch(program, files, log.Write);
            serving = Serving.Begin(program, before.Resolver, log, clock);
        }

        log.Information("configuration reloaded");
    }

    private void FollowResolver(Serving before, ProxyProgram next)
    {
        if (Serving.SameResolver(before.Program, next))
        {
            before.Resolver.Refresh();
            return;
        }

        before.Resolver.Replace(Needs.Resolver(next.Settings, next.RecordOctets, log.Warning));
        foreach (var warning in before.Resolver.Warnings)
            log.Warning(warning);
    }

    private async Task WatchKeysAsync(CancellationToken stop)
    {
        using var look = new PeriodicTimer(ServiceLimits.keyLook, clock);
        try
        {
            while (await look.WaitForNextTickAsync(stop).ConfigureAwait(false))
            {
                RefreshKeys();
            }
        }
        catch (OperationCanceledException)
        {
            // The service ends.
        }
    }

    private void RefreshKeys()
    {
        lock (gate)
        {
            if (!keys.Changed())
                return;
            var before = serving;
            var program = before.Program.Refresh(keys.Contents);
            Serving.Write(program.Notices, log);
            serving = Serving.Begin(program, before.Resolver, log, clock);
        }

        log.Information("keys read again");
    }
}
