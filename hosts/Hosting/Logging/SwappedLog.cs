using Dkim.Core.Programs.Running;
using Dkim.Core.Programs.Settings;

namespace Dkim.Hosting.Logging;

/// <summary>A log that another can take the place of, while lines are written.</summary>
public sealed class SwappedLog(LogSettings first) : IAsyncDisposable
{
    private Log log = new(first);
    private LogSettings settings = first;

    /// <summary>Goes on as other settings say.</summary>
    public async ValueTask FollowAsync(LogSettings next)
    {
        if (next == settings)
            return;
        settings = next;
        var before = Interlocked.Exchange(ref log, new Log(next));
        await before.DisposeAsync().ConfigureAwait(false);
    }

    public void Error(string text) => log.Error(text);

    public void Warning(string text) => log.Warning(text);

    public void Information(string text) => log.Information(text);

    public void Debug(string text) => log.Debug(text);

    /// <summary>A trouble that may come again and again.</summary>
    public void Trouble(string text) => log.Trouble(text);

    public void Write(LogLine line) => log.Write(line);

    public void Write(IEnumerable<LogLine> lines)
    {
        foreach (var line in lines)
            log.Write(line);
    }

    public ValueTask DisposeAsync() => log.DisposeAsync();
}
