using Dkim.Core.Programs.Filters;
using Dkim.Core.Programs.Running;
using Dkim.Core.Programs.Settings;
using Dkim.Hosting;

namespace Dkim.MilterHost;

/// <summary>The filter as a service: listens, serves, heeds signals, ends.</summary>
internal sealed class Service
{
    private readonly FilterDuty duty;
    private readonly SettingsFiles files;
    private readonly FileHandover? handed;
    private readonly ServiceLog log;

    private Service(FilterDuty duty, SettingsFiles files, FileHandover? handed, ServiceLog log)
    {
        this.duty = duty;
        this.files = files;
        this.handed = handed;
        this.log = log;
    }

    /// <summary>Opens the socket and what else is needed, serves until a signal to stop, and gives the exit
    /// code.</summary>
    /// <param name="handed">What a supervisor has handed to this process; the pid file then is the
    /// supervisor's.</param>
    /// <param name="daemon">To be told when the service is ready.</param>
    public static async Task<int> RunAsync(
        FilterProgram program,
        SettingsFiles files,
        FileHandover? handed,
        Surroundings surroundings,
        ServiceLog log,
        Signals signals,
        Daemon? daemon)
    {
        var settings = program.Service;
        var clock = surroundings.Clock;
        using var listener = await ListenAsync(settings).ConfigureAwait(false);
        using var pidFile = handed is null ? Launch.WritePidFile(settings, log) : null;
        using var resolver = new SwappedResolver(Needs.Resolver(program, log.Warning));
        surroundings.PopLogins = Needs.PopLogins(settings, log.Trouble);
        await using var reports = new ReportSender(log.Trouble, ReportRoute.Find(), clock);
        surroundings.Reports = reports;
        var duty = new FilterDuty(program, resolver, reports, log, clock);
        daemon?.Ready();
        log.Write(program.Starting);
        Tell(program, log);
        foreach (var warning in resolver.Warnings)
            log.Warning(warning);
        var place = $"listening at {string.Join(", ", listener.Addresses)}, DNS by {resolver.Description}";
        log.Information(place);
        await new Service(duty, files, handed, log).ServeAsync(listener, place, signals).ConfigureAwait(false);
        log.Write(program.Terminating(0));
        return 0;
    }

    private static async Task<Listener> ListenAsync(FilterService settings)
    {
        if (Systemd.TakeSockets() is { Count: > 0 } passed)
            return Listener.Adopt(passed.Select(given => given.Socket));
        var group = Needs.SocketGroup(settings);
        uint? mode = settings.SocketMode.IsSome ? (uint)settings.SocketMode.Value : null;
        return await Listener.OpenAsync(
            settings.Socket.Value, new LocalSocketSettings(mode, Group: group))
            .ConfigureAwait(false);
    }

    private async Task ServeAsync(Listener listener, string place, Signals signals)
    {
        using var stop = new CancellationTokenSource();
        using var connections = new OpenConnections(duty.Clock);
        var patience = new Patience();
        var limits = new ServeSettings(OwnProcess.MostConnections(ServiceLimits.MilterConnections), ServiceLimits.grace + ServiceLimits.lastGrace)
        {
            Clock = duty.Clock,
        };
        var served = listener.ServeAsync(
            (socket, _) => connections.ServeAsync(new MtaConnection(socket, duty, patience)),
            limits,
            log.Trouble,
            stop.Token);
        var watched = Systemd.FeedWatchdogAsync(StreamSocket.Answers, stop.Token);
        Systemd.Ready(place);
        await HeedAsync(signals).ConfigureAwait(false);
        Systemd.Stopping();
        await stop.CancelAsync().ConfigureAwait(false);
        connections.Stop(now: false);
        await HurryAsync(connections, signals, served).ConfigureAwait(false);
        await served.ConfigureAwait(false);
        await watched.ConfigureAwait(false);
    }

    // Returns with the first signal to stop.
    private async Task HeedAsync(Signals signals)
    {
        await foreach (var signal in signals.Incoming.ReadAllAsync().ConfigureAwait(false))
        {
            if (signal.IsStop())
                return;
            using var turn = ReloadTurn.Begin();
            var refusals = await ReloadAsync().ConfigureAwait(false);
            foreach (var refusal in refusals)
                log.Error(refusal);
            if (refusals.Length > 0)
                turn.Refused(string.Join("; ", refusals));
            else
                turn.Applied();
        }
    }

    // Messages on their way may end; a second signal to stop, or the end of the grace, ends all.
    private async Task HurryAsync(OpenConnections connections, Signals signals, Task served)
    {
        var second = signals.StopAsync();
        if (await Task.WhenAny(served, second, Task.Delay(ServiceLimits.grace, duty.Clock)).ConfigureAwait(false) != served)
            connections.Stop(now: true);
    }

    // The lines that say why nothing has changed; none where it has.
    private async Task<string[]> ReloadAsync()
    {
        var again = duty.Program.Again();
        if (again.IsNone)
            return ["ignoring reload signal"];
        var next = files.Supply(again.Value).Again(out var problem);
        foreach (var line in files.Kept)
            log.Warning(line);
        if (next is not { } program)
            return Refused(problem.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        var credentials = Environment.GetEnvironmentVariable("CREDENTIALS_DIRECTORY") ?? "";
        var refusals = duty.Program.RefusesToFollow(program, files.KeptSecrets, credentials);
        if (!refusals.IsEmpty)
            return Refused(refusals);
        try
        {
            duty.Follow(program);
            await log.FollowAsync(program).ConfigureAwait(false);
            Leave();
            Tell(program, log);
            log.Information($"configuration reloaded from {program.ConfName}");
            return [];
        }
        catch (StartupException failure)
        {
            return Refused([Needs.Describe(program, failure)]);
        }
    }

    private static string[] Refused(IEnumerable<string> reasons) =>
        [.. reasons.Select(reason => $"configuration not reloaded: {reason}")];

    private static void Tell(FilterProgram program, ServiceLog log)
    {
        foreach (var line in program.Notices.Concat(program.Rules))
            log.Write(line);
    }

    // A crash of this process must not undo what has been read again.
    private void Leave()
    {
        try
        {
            handed?.Leave();
        }
        catch (IOException failure)
        {
            log.Error($"a restart would not have the configuration read again: {failure.Message}");
        }
    }
}
