using Dkim.Core.Programs.Proxies.Shared;

namespace Dkim.ProxyHost.Sessions;

/// <summary>Judges one message, which passes by as octets.</summary>
internal interface IMessageFilter : IDisposable
{
    /// <summary>Takes the next octets: CRLF line ends, not dot-stuffed.</summary>
    /// <returns>How many; those that it cannot take now, while it waits for an answer, it is to be given again.</returns>
    int Feed(ReadOnlySpan<byte> octets);

    /// <summary>Whether it takes no octets now.</summary>
    bool Waits { get; }

    /// <summary>Ends when it takes octets again.</summary>
    Task ReadyAsync(CancellationToken cancellation);

    /// <summary>The message is complete: says what becomes of it.</summary>
    ValueTask<ProxyDisposition> DecideAsync(CancellationToken cancellation);
}
