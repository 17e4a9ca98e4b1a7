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
/// <param name="begin">Begins another start from the original arguments.</param>
internal sealed class ServiceStart(ProxyProgram program, SettingsFiles files, Func<Step<ProxyOutcome>> begin) : IServiceProgram
{
    private const int Failed = 1;
    private readonly ProxySettings settings = program.Settings;
    private SafeFileHandle? logFile;

    public ServicePlan Plan { get; } = new(program.Ident, program.Settings.Service)
    {
        Clock = TimeProvider.System,
        Drop = PrivilegesDrop.OnceOpen,
        PidFileUse = PidFileUse.OnlyOne,
        Listen = [.. program.Listen],
        Secrets = program.Secrets,
        ReloadSignals = [Signal.Hangup],
    };

    public string Describe(StartupException failure) => Needs.Describe(program, failure);

    public int ExitCodeOf(StartupFault fault) => Failed;

    public ResolverSource Resolver => ServiceNeeds.Resolver(settings.Service, program.RecordOctets);

    public void BeforeDrop(Action ready)
    {
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

    public IServing Begin(ServiceParts parts) => new Service(program, files, begin, parts, Plan.Clock);
}
