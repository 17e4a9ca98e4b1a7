namespace Dkim.Hosting;

/// <summary>Time as every rule of the hosts takes it: limits, patience, caches, rates, what is repeated. All ask the
/// <see cref="TimeProvider"/> that they were given, so that a test can move it.</summary>
public static class Clock
{
    /// <summary>Milliseconds since some moment; they never go back.</summary>
    public static long Milliseconds(this TimeProvider clock) => clock.GetTimestamp() / (clock.TimestampFrequency / 1000);

    /// <summary>Seconds since 1970, for what a message says of time.</summary>
    public static long UnixSeconds(this TimeProvider clock) => clock.GetUtcNow().ToUnixTimeSeconds();
}
