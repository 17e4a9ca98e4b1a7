namespace Dkim.Hosting;

/// <summary>Time as every rule of the hosts takes it: limits, patience, caches, rates, what is repeated. All ask the
/// <see cref="TimeProvider"/> that they were given, so that a test can move it.</summary>
public static class Clock
{
    /// <summary>Milliseconds since some moment; they never go back. Of the machine's clock they are as fine as its ticks,
    /// which every wait of a session asks for and which cost a third of a timestamp.</summary>
#pragma warning disable RS0030 // the one place where the machine's clock is read on behalf of who was given it
    public static long Milliseconds(this TimeProvider clock) => ReferenceEquals(clock, TimeProvider.System)
        ? Environment.TickCount64
        : clock.GetTimestamp() / (clock.TimestampFrequency / 1000);
#pragma warning restore RS0030

    /// <summary>Seconds since 1970, for what a message says of time.</summary>
    public static long UnixSeconds(this TimeProvider clock) => clock.GetUtcNow().ToUnixTimeSeconds();
}
