using System.Runtime.InteropServices;
using System.Threading.Channels;

namespace Dkim.Hosting;

/// <summary>The signals a service listens to.</summary>
public enum Signal
{
    Hangup = 1,
    Interrupt = 2,
    Quit = 3,
    User1 = 10,
    Terminate = 15,
}

/// <summary>Signals as they come in, one after the other. Their default effects are off while this lives.</summary>
public sealed class Signals : IDisposable
{
    private readonly Channel<Signal> incoming = Channel.CreateBounded<Signal>(
        new BoundedChannelOptions(16) { FullMode = BoundedChannelFullMode.DropWrite });

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

    public void Dispose()
    {
        registrations.ForEach(registration => registration.Dispose());
        incoming.Writer.TryComplete();
    }
}
