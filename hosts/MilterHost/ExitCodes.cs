using Dkim.Hosting;

namespace Dkim.MilterHost;

/// <summary>The exit codes of a service that does not start (sysexits.h).</summary>
internal static class ExitCodes
{
    public const int DataError = 65;
    public const int Unavailable = 69;
    public const int Software = 70;
    public const int System = 71;
    public const int NoPermission = 77;
    public const int Configuration = 78;

    /// <summary>The code for what kept the service from starting.</summary>
    public static int Of(StartupFault fault) => fault switch
    {
        StartupFault.Account => DataError,
        StartupFault.Privileges => NoPermission,
        StartupFault.Address or StartupFault.AlreadyRunning or StartupFault.PidFile or StartupFault.Database
            => Unavailable,
        StartupFault.Daemon => System,
        StartupFault.Resolver or StartupFault.LogFile or StartupFault.Directory => Configuration,
        _ => Software,
    };
}
