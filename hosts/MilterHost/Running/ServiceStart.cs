using Dkim.Core.Programs.Filters;
using Dkim.Core.Programs.Filters.Settings;
using Dkim.Core.Programs.Running;
using Dkim.Hosting;
using Dkim.MilterHost.Connections;

namespace Dkim.MilterHost.Running;

/// <summary>A filter from its settings to a service, as libmilter's filters start: it becomes its user before it makes its
/// socket, writes its pid file for whoever reads it, and a supervisor may stay to start it again. What root alone may read
/// has been read before.</summary>
internal sealed class ServiceStart : IServiceProgram, IDisposable
{
    private readonly FilterProgram program;
    private readonly SettingsFiles files;
    private readonly KeyCache keys;
    private readonly StoreLookups stores;
    private SwappedLog? log;

    private ServiceStart(
        FilterProgram program, SettingsFiles files, KeyCache keys, TimeProvider clock, FileHandover? handed)
    {
        this.keys = keys;
        this.program = program;
        this.files = files;
        var settings = program.Service;
        stores = new StoreLookups(StoreUser(program), clock, line => log?.Warning(line));
        Plan = new ServicePlan(program.Name, settings.Common)
        {
            Clock = clock,
            Drop = PrivilegesDrop.BeforeListening,
            PidFileUse = PidFileUse.ForReaders,
            Listen = settings.Socket.IsSome ? [settings.Socket.Value] : [],
            Secrets = files.Secrets,
            CoreDumps = settings.EnableCoredumps && !program.HasKeys,
            HandOn = files,
            Handed = handed,
            Restarts = settings.AutoRestart ? Limits(settings) : null,
            RestartsFault = SysExit.Unavailable,
            ReloadSignals = [Signal.Hangup, Signal.User1],
        };
    }

    public ServicePlan Plan { get; }

    /// <summary>Starts, serves until a signal says to stop, and gives the exit code.</summary>
    /// <param name="files">The files of the start.</param>
    /// <param name="handed">What the supervisor has handed to this process, where one has started it.</param>
    public static async Task<int> RunAsync(
        FilterProgram program, SettingsFiles files, KeyCache keys, TimeProvider clock, FileHandover? handed)
    {
        using var start = new ServiceStart(Latest(program, files), files, keys, clock, handed);
        return await ServiceMain.RunAsync(start).ConfigureAwait(false);
    }

    public void Dispose() => stores.Dispose();

    public string Describe(StartupException failure) => Needs.Describe(program, failure);

    public int ExitCodeOf(StartupFault fault) => SysExit.ofFault(fault);

    public LocalSocketSettings SocketSettings() => new(
        program.Service.SocketMode.IsSome ? (uint)program.Service.SocketMode.Value : null,
        Group: Needs.SocketGroup(program.Service));

    public ResolverSource Resolver => Needs.Resolver(program);

    // Whoever asks stores is somebody else than root from its beginning, and copies of a supervisor begin as who they are.
    public void BeforeDrop(Action ready)
    {
        Needs.EnterDirectory(program.Service);
        if (Plan.Supervises)
            return;
        if (program.RequiresStores)
            StoreLookups.Require(StoreUser(program), program.Stores, Plan.Clock);
        stores.Follow(program.Stores);
    }

    public SwappedLog OpenLog() => new(ServiceLog.Settings(program));

    public void AfterDrop(SwappedLog log)
    {
        this.log = log;
        if (program.Service.EnableCoredumps && program.HasKeys)
            log.Warning("EnableCoredumps refused: private keys would be written into core files");
        if (program.Service.UMask.IsSome)
            OwnProcess.SetUmask((uint)program.Service.UMask.Value);
    }

    public IServing Begin(ServiceParts parts)
    {
        var logins = Needs.PopLogins(program.Service, parts.Log.Trouble);
        var reports = new ReportSender(parts.Log.Trouble, ReportRoute.Find(program.Service.MailCommand.OrNull()), Plan.Clock);
        stores.Follow(program.Stores);
        var duty = new FilterDuty(program, parts, keys, stores, logins, reports, Plan.Clock);
        return new Service(duty, files, Plan.Handed, parts, reports);
    }

    // In the place of a filter that had read its files again, with what it had read. They made a program once, and what
    // cannot change while a filter runs is as it was at the start of the first.
    private static FilterProgram Latest(FilterProgram program, SettingsFiles files) =>
        files.TakeLeft() && program.Again() is { IsSome: true } again
            ? files.Run(again.Value).Again(out _) ?? program
            : program;

    /// <summary>Who asks stores; null for the user that the filter is.</summary>
    internal static string? StoreUser(FilterProgram program)
    {
        var account = program.Service.Common.User;
        return program.StoreUser.OrNull() ?? (account.IsSome ? account.Value.User.OrNull() : null);
    }

    private static RestartLimits Limits(FilterService settings) => new(
        settings.AutoRestartCount,
        settings.AutoRestartRate.IsSome
            ? (settings.AutoRestartRate.Value.Item1, TimeSpan.FromSeconds(settings.AutoRestartRate.Value.Item2))
            : null);
}
