using System.Runtime.InteropServices;

namespace Dkim.TableHost;

/// <summary>Signals that are meant for the filter, and reach all of its process group.</summary>
internal sealed class Ignored : IDisposable
{
    private readonly PosixSignalRegistration[] registrations =
    [
        .. new[] { PosixSignal.SIGINT, PosixSignal.SIGTERM, PosixSignal.SIGHUP }
            .Select(signal => PosixSignalRegistration.Create(signal, context => context.Cancel = true)),
    ];

    public void Dispose()
    {
        foreach (var registration in registrations)
            registration.Dispose();
    }
}
