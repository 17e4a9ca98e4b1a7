using System.Runtime.InteropServices;
using System.Threading.Channels;

namespace Dkim.Hosting.Processes;

/// <summary>The signals a service listens to.</summary>
public enum Signal
{
    Hangup = 1,
    Interrupt = 2,
    Quit = 3,
    User1 = 10,
    Terminate = 15,
}

public static class SignalExtensions
{
    /// <summary>Whether the signal says to end; the others say to read the configuration again.</summary>
    public static bool IsStop(this Signal signal) => signal is Signal.Terminate or Signal.Interrupt or Signal.Quit;
}

/// <summary>Signals as they come in, one after the other. Their default effects are off while this lives.</summary>
public sealed class Signals : IDisposable
{
    // Without a bound: whatever else waits, a signal to stop must not be lost.
    private readonly Channel<Signal> incoming = Channel.CreateUnbounded<Signal>();

    private readonly List<PosixSignalRegistration> registrations;

    public Signals()
    {
        // Handlers run on pool threads, several at once: they only put the signal into the queue.
        registrations = [.. Enum.GetValues<Signal>().Select(signal => PosixSignalRegistration.Create(
            (PosixSignal)(int)signal,
            context =>
            {
                context.Cancel = true;
                incoming.Writer.TryWrite(signal);
            }))];
    }

    /// <summary>The signals not handled yet.</summary>
    public ChannelReader<Signal> Incoming => incoming.Reader;

    /// <summary>Waits for a signal to stop; others are dropped.</summary>
    public async Task StopAsync(CancellationToken cancellation = default)
    {
        while (!(await incoming.Reader.ReadAsync(cancellation).ConfigureAwait(false)).IsStop())
        {
        }
    }

    public void Dispose()
    {
        registrations.ForEach(registration => registration.Dispose());
        incoming.Writer.TryComplete();
    }
}
