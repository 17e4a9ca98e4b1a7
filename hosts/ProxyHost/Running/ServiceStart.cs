using Dkim.Core.Asking;
using Dkim.Core.Programs.Proxies;
using Dkim.Core.Programs.Proxies.Shared;
using Dkim.Core.Programs.Running;
using Dkim.Core.Programs.Settings;
using Dkim.Hosting;
using Microsoft.Win32.SafeHandles;

namespace Dkim.ProxyHost.Running;

/// <summary>A proxy from its settings to a service, as Net::Server's daemons start: only one runs for a pid file, and what
/// only root may open is open before it becomes its user.</summary>
internal sealed class ServiceStart : IServiceProgram, IDisposable
{
    private const int Failed = 1;
    private readonly ProxyProgram program;
    private readonly SettingsFiles files;
    private readonly Func<Step<ProxyOutcome>> begin;
    private readonly ProxySettings settings;
    private readonly StoreLookups stores;
    private SafeFileHandle? logFile;
    private SwappedLog? log;

    /// <param name="begin">Begins another start from the original arguments.</param>
    private ServiceStart(ProxyProgram program, SettingsFiles files, Func<Step<ProxyOutcome>> begin)
    {
        this.program = program;
        this.files = files;
        this.begin = begin;
        settings = program.Settings;
        Plan = new ServicePlan(program.Ident, settings.Service)
        {
            Clock = TimeProvider.System,
            Drop = PrivilegesDrop.OnceOpen,
            PidFileUse = PidFileUse.OnlyOne,
            Listen = [.. program.Listen],
            Secrets = program.Secrets,
            ReloadSignals = [Signal.Hangup],
        };
        var account = settings.Service.User;
        stores = new StoreLookups(
            account.IsSome ? account.Value.User.OrNull() : null, Plan.Clock, line => log?.Warning(line));
    }

    public ServicePlan Plan { get; }

    /// <summary>Starts, serves until a signal says to stop, and gives the exit code.</summary>
    /// <param name="begin">Begins another start from the original arguments.</param>
    public static async Task<int> RunAsync(ProxyProgram program, SettingsFiles files, Func<Step<ProxyOutcome>> begin)
    {
        using var start = new ServiceStart(program, files, begin);
        return await ServiceMain.RunAsync(start).ConfigureAwait(false);
    }

    public void Dispose() => stores.Dispose();

    public string Describe(StartupException failure) => Needs.Describe(program, failure);

    public int ExitCodeOf(StartupFault fault) => Failed;

    public ResolverSource Resolver => ServiceNeeds.Resolver(settings.Service, program.RecordOctets);

    // Whoever asks stores is somebody else than root from its beginning.
    public void BeforeDrop(Action ready)
    {
        stores.Follow(program.Stores);
        logFile = Needs.LogFile(settings);
        if (Needs.Root(settings) is not { } root)
            return;

        // Letting go of the terminal needs /dev and /proc, which no longer can be seen in a root of our own.
        ready();
        OwnProcess.ChangeRoot(root);
    }

    public SwappedLog OpenLog()
    {
        if (logFile is not null)
            OwnProcess.SendStandardErrorTo(logFile);
        logFile?.Dispose();
        return new SwappedLog(new LogSettings(program.Ident, settings.Service.SyslogFacility.Number)
        {
            Clock = Plan.Clock,
            Least = Severity.Debug,
            ToStandardError = logFile is not null || !settings.Service.Background,
            Format = settings.Service.LogFormat,
        });
    }

    public void AfterDrop(SwappedLog log) => this.log = log;

    public IServing Begin(ServiceParts parts) =>
        new Service(program, files, begin, parts, new KeyCache(), stores, Plan.Clock);
}
