using Dkim.Core.Programs.Filters;
using Dkim.Core.Programs.Running;
using Dkim.Hosting;

namespace Dkim.MilterHost.Running;

/// <summary>The log of the filter: syslog where the settings ask for it; else only what goes wrong, on the standard
/// error of a filter in the foreground.</summary>
internal static class ServiceLog
{
    /// <summary>What the settings make of it.</summary>
    public static LogSettings Settings(FilterProgram program)
    {
        var service = program.Service;
        return new LogSettings(program.Name, service.Common.SyslogFacility.Number)
        {
            Least = service.Syslog ? Severity.Debug : Severity.Warning,
            ToSyslog = service.Syslog,
            ToStandardError = !service.Syslog && !service.Common.Background,
            Format = service.Common.LogFormat,
        };
    }
}
