using Dkim.Core.Programs.Filters;
using Dkim.Core.Programs.Running;
using Dkim.Hosting;

namespace Dkim.MilterHost.Running;

/// <summary>The log of the filter: syslog and standard output where the settings ask for them; else only what goes wrong, on
/// the standard error of a filter in the foreground.</summary>
internal static class ServiceLog
{
    /// <summary>What the settings make of it.</summary>
    public static LogSettings Settings(FilterProgram program)
    {
        var service = program.Service;
        return new LogSettings(service.LogName.OrNull() ?? program.Name, service.Common.SyslogFacility.Number)
        {
            Least = service.Syslog || service.LogsToOutput ? Severity.Debug : Severity.Warning,
            ToSyslog = service.Syslog,
            ToStandardOutput = service.LogsToOutput,
            ToStandardError = !service.Syslog && !service.LogsToOutput && !service.Common.Background,
            Format = service.Common.LogFormat,
        };
    }
}
