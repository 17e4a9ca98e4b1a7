using Dkim.Core.Programs.Filters;
using Dkim.Core.Programs.Proxies;
using Dkim.Core.Programs.Running;
using Dkim.Core.Programs.Settings;
using Dkim.Core.Programs.Tool;
using Dkim.Hosting;

namespace Dkim.MilterHost;

/// <summary>The log of the filter: syslog where the settings ask for it; else only what goes wrong, on the standard
/// error of a filter in the foreground.</summary>
internal sealed class ServiceLog : IAsyncDisposable
{
    private Log log;
    private LogSettings settings;

    public ServiceLog(FilterProgram program)
    {
        settings = Settings(program);
        log = new Log(settings);
    }

    /// <summary>Goes on as another configuration says.</summary>
    public async ValueTask FollowAsync(FilterProgram program)
    {
        var next = Settings(program);
        if (next == settings)
            return;
        settings = next;
        var before = Interlocked.Exchange(ref log, new Log(next));
        await before.DisposeAsync().ConfigureAwait(false);
    }

    public void Error(string text) => log.Error(text);

    public void Warning(string text) => log.Warning(text);

    public void Trouble(string text) => log.Trouble(text);

    public void Information(string text) => log.Information(text);

    public void Write(LogLine line) => log.Write(line);

    public ValueTask DisposeAsync() => log.DisposeAsync();

    private static LogSettings Settings(FilterProgram program)
    {
        var service = program.Service;
        return new LogSettings(program.Name, service.SyslogFacility.Number)
        {
            Least = service.Syslog ? Severity.Information : Severity.Warning,
            ToSyslog = service.Syslog,
            ToStandardError = !service.Syslog && !service.Background,
            Format = service.LogFormat,
        };
    }
}
