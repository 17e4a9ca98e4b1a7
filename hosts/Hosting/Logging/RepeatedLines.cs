using System.Globalization;

namespace Dkim.Hosting;

/// <summary>Lines on a trouble that lasts: the first goes out at once, and after a while one that says how many there
/// have been since.</summary>
/// <param name="log">Takes the lines.</param>
internal sealed class RepeatedLines(Action<string> log, TimeSpan time)
{
    private readonly Lock mutex = new();
    private readonly Dictionary<string, int> repeated = [];

    public RepeatedLines(Action<string> log)
        : this(log, TimeSpan.FromMinutes(1))
    {
    }

    /// <param name="text">One of few: each has a count of its own.</param>
    public void Write(string text)
    {
        lock (mutex)
        {
            if (repeated.TryGetValue(text, out var count))
            {
                repeated[text] = count + 1;
                return;
            }

            repeated[text] = 0;
        }

        log(text);
        _ = SumUpAsync(text);
    }

    private async Task SumUpAsync(string text)
    {
        int count;
        do
        {
            await Task.Delay(time, CancellationToken.None).ConfigureAwait(false);
            lock (mutex)
            {
                count = repeated[text];
                if (count == 0)
                    repeated.Remove(text);
                else
                    repeated[text] = 0;
            }

            if (count > 0)
                log(string.Create(CultureInfo.InvariantCulture, $"{text} ({count} times more in {time.TotalSeconds:0} seconds)"));
        }
        while (count > 0);
    }
}
