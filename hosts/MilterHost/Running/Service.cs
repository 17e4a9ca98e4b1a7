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

    public Task WatchAsync(CancellationToken stop) => Systemd.FeedWatchdogAsync(StreamSocket.Answers, stop);

    public async ValueTask<string?> ReloadAsync()
    {
        var refusals = await TryReloadAsync().ConfigureAwait(false);
        foreach (var refusal in refusals)
            log.Error(refusal);
        return refusals.Length > 0 ? string.Join("; ", refusals) : null;
    }

    public void End() => log.Write(duty.Program.Terminating(0));

    public ValueTask DisposeAsync() => reports.DisposeAsync();

    // The lines that say why nothing has changed; none where it has.
    private async Task<string[]> TryReloadAsync()
    {
        var again = duty.Program.Again();
        if (again.IsNone)
            return ["ignoring reload signal"];
        var next = files.Run(again.Value).Again(out var problem);
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
            await log.FollowAsync(ServiceLog.Settings(program)).ConfigureAwait(false);
            Leave();
            Tell(program);
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

    private void Tell(FilterProgram program) => log.Write(program.Notices.Concat(program.Rules));

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
