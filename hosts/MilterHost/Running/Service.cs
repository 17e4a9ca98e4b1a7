using Dkim.Core.Asking;
using Dkim.Core.Programs.Filters;
using Dkim.Core.Programs.Running;
using Dkim.Core.Programs.Settings;
using Dkim.Hosting;
using Dkim.MilterHost.Connections;

namespace Dkim.MilterHost.Running;

/// <summary>The filter as a service: serves MTAs, follows its configuration.</summary>
/// <param name="handed">What a supervisor has handed to this process, which gets what is read later.</param>
internal sealed class Service(
    FilterDuty duty, SettingsFiles files, FileHandover? handed, ServiceParts parts, ReportSender reports)
    : IServing, IAsyncDisposable
{
    private readonly Patience patience = new();
    private readonly SwappedLog log = parts.Log;
    private readonly SemaphoreSlim turn = new(1);
    private readonly FileLook look = new(ServiceLimits.tableLook, !duty.Program.Tables.IsEmpty, duty.Clock);
    private TableWatch tables = new(duty.Program.Tables, files);

    public void Announce()
    {
        log.Write(duty.Program.Starting);
        Tell(duty.Program);
        foreach (var warning in parts.Resolver.Warnings)
            log.Warning(warning);
    }

    public int MostConnections() => OwnProcess.MostConnections(ServiceLimits.MilterConnections);

    public Task ServeAsync(StreamSocket client, OpenConnections open) =>
        open.ServeAsync(new MtaConnection(client, duty, patience));

    public Task WatchAsync(CancellationToken stop) =>
        Task.WhenAll(
            Systemd.FeedWatchdogAsync(StreamSocket.Answers, stop), look.RunAsync(LookAtTablesAsync, stop), TellCacheAsync(stop));

    public async ValueTask<string?> ReloadAsync()
    {
        var refusals = await InTurnAsync(TryReloadAsync).ConfigureAwait(false);
        foreach (var refusal in refusals)
            log.Error(refusal);
        return refusals.Length > 0 ? string.Join("; ", refusals) : null;
    }

    public void End() => log.Write(duty.Program.Terminating(0));

    public async ValueTask DisposeAsync()
    {
        await reports.DisposeAsync().ConfigureAwait(false);
        look.Dispose();
        turn.Dispose();
    }

    // A reload by a signal and data sets that have changed come one after the other.
    private async Task<T> InTurnAsync<T>(Func<Task<T>> change)
    {
        await turn.WaitAsync().ConfigureAwait(false);
        try
        {
            return await change().ConfigureAwait(false);
        }
        finally
        {
            turn.Release();
        }
    }

    private async Task LookAtTablesAsync()
    {
        if (await InTurnAsync(() => Task.FromResult(tables.Look(TakeTables))).ConfigureAwait(false))
            Leave(isLater: false);
    }

    // A line of the log for each while in which names were asked for.
    private async Task TellCacheAsync(CancellationToken stop)
    {
        var told = 0L;
        using var pause = new PeriodicTimer(ServiceLimits.cachePause, duty.Clock);
        try
        {
            while (await pause.WaitForNextTickAsync(stop).ConfigureAwait(false))
            {
                if (!duty.Program.TellsCache || parts.Resolver.Counts is not { } counts || counts.Queries == told)
                    continue;
                told = counts.Queries;
                log.Write(duty.Program.CacheLine(counts.Queries, counts.Hits, counts.Expired, counts.Kept));
            }
        }
        catch (OperationCanceledException)
        {
            // The service ends.
        }
    }

    // Whether the filter goes on with them.
    private bool TakeTables(IReadOnlyDictionary<WantedFile, FileContents> found)
    {
        var renewal = duty.Program.Renew(found.Keys).Go(Found.OfFiles(found)).Value;
        try
        {
            if (renewal.Next.OrNull() is { } next)
                duty.Renew(next);
        }
        catch (StartupException failure)
        {
            log.Error($"data sets stay as they were: {Needs.Describe(duty.Program, failure)}");
            return false;
        }

        log.Write(renewal.Log);
        return renewal.Next.IsSome;
    }

    // The lines that say why nothing has changed; none where it has.
    private async Task<string[]> TryReloadAsync()
    {
        var again = duty.Program.Again();
        if (again.IsNone)
            return ["ignoring reload signal"];
        var kept = files.Keep();
        var next = files.Run(again.Value).Again(out var problem);
        foreach (var line in files.Kept)
            log.Warning(line);
        if (next is not { } program)
            return Refused(problem.Split('\n', StringSplitOptions.RemoveEmptyEntries), kept);
        var credentials = Environment.GetEnvironmentVariable("CREDENTIALS_DIRECTORY") ?? "";
        var refusals = duty.Program.RefusesToFollow(program, files.KeptSecrets, credentials);
        if (!refusals.IsEmpty)
            return Refused(refusals, kept);
        try
        {
            duty.Follow(program);
            await log.FollowAsync(ServiceLog.Settings(program)).ConfigureAwait(false);
            tables = new TableWatch(program.Tables, files);
            look.Follow(!program.Tables.IsEmpty);
            Leave(isLater: true);
            Tell(program);
            log.Information($"configuration reloaded from {program.ConfName}");
            return [];
        }
        catch (StartupException failure)
        {
            return Refused([Needs.Describe(program, failure)], kept);
        }
    }

    private string[] Refused(IEnumerable<string> reasons, IReadOnlyList<HandedFile> kept)
    {
        files.GoBackTo(kept);
        return [.. reasons.Select(reason => $"configuration not reloaded: {reason}")];
    }

    private void Tell(FilterProgram program) => log.Write(program.Notices.Concat(program.Rules));

    // A crash of this process must not undo what has been read again.
    private void Leave(bool isLater)
    {
        try
        {
            handed?.Leave(isLater);
        }
        catch (IOException failure)
        {
            log.Error($"a restart would not have the configuration read again: {failure.Message}");
        }
    }
}
