using System.Globalization;
using Dkim.Core.Programs.Running;
using Dkim.Core.Programs.Settings;

namespace Dkim.Hosting.Logging;

/// <summary>Lines on troubles that last: the first of a trouble goes out at once, and while it lasts, one after each span
/// of time that says how often it has come again.</summary>
/// <param name="write">Takes the lines.</param>
internal sealed class RepeatedLines(Action<LogLine> write, TimeSpan time, TimeProvider clock)
{
    private const string Others = "other troubles";
    private readonly Lock mutex = new();
    private readonly Dictionary<string, Repeated> troubles = [];

    /// <param name="line">A line that has a trouble.</param>
    public void Write(LogLine line)
    {
        Repeated repeated;
        lock (mutex)
        {
            var name = line.Trouble.Value;
            if (troubles.Count >= ServiceLimits.Troubles && !troubles.ContainsKey(name))
                name = Others;
            if (troubles.TryGetValue(name, out var known))
            {
                known.Count++;
                return;
            }

            repeated = troubles[name] = new Repeated(name, line.Level) { Told = clock.Milliseconds() };
        }

        write(line);
        _ = SumUpAsync(repeated);
    }

    /// <summary>Says at the end how often each trouble has come again.</summary>
    public void SumUp()
    {
        Repeated[] all;
        lock (mutex)
        {
            all = [.. troubles.Values];
            troubles.Clear();
        }

        foreach (var repeated in all)
            Tell(repeated, repeated.Count);
    }

    private async Task SumUpAsync(Repeated repeated)
    {
        int count;
        do
        {
            await Task.Delay(time, clock).ConfigureAwait(false);
            lock (mutex)
            {
                if (!troubles.TryGetValue(repeated.Name, out var current) || current != repeated)
                    return;
                count = repeated.Count;
                repeated.Count = 0;
                if (count == 0)
                    troubles.Remove(repeated.Name);
            }

            Tell(repeated, count);
        }
        while (count > 0);
    }

    private void Tell(Repeated repeated, int count)
    {
        if (count == 0)
            return;
        var now = clock.Milliseconds();
        var seconds = (now - repeated.Told) / 1000;
        repeated.Told = now;
        write(LogLineModule.plain(
            repeated.Level,
            string.Create(CultureInfo.InvariantCulture, $"{repeated.Name} ({count} times more in {seconds} seconds)")));
    }

    /// <summary>A trouble that lasts.</summary>
    private sealed class Repeated(string name, LogLevel level)
    {
        public string Name => name;

        public LogLevel Level => level;

        public int Count { get; set; }

        public required long Told { get; set; }
    }
}
