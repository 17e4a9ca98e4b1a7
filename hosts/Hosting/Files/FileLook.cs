namespace Dkim.Hosting.Files;

/// <summary>Looks at files from time to time, as long as there are some: who has none pays nothing.</summary>
/// <param name="period">How often.</param>
/// <param name="any">Whether there are some.</param>
public sealed class FileLook(TimeSpan period, bool any, TimeProvider clock) : IDisposable
{
    private readonly PeriodicTimer timer = new(any ? period : Timeout.InfiniteTimeSpan, clock);

    /// <summary>Whether there are some from now on.</summary>
    public void Follow(bool any) => timer.Period = any ? period : Timeout.InfiniteTimeSpan;

    /// <summary>Calls this each time, until it is to stop.</summary>
    public async Task RunAsync(Func<Task> look, CancellationToken stop)
    {
        try
        {
            while (await timer.WaitForNextTickAsync(stop).ConfigureAwait(false))
                await look().ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // The service ends.
        }
    }

    public void Dispose() => timer.Dispose();
}
