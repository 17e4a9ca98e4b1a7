using Dkim.Core.Programs.Proxies.Shared;

namespace Dkim.ProxyHost.Sessions;

/// <summary>Judges one message, which passes by as octets.</summary>
internal interface IMessageFilter : IDisposable
{
    /// <summary>Takes the next octets: CRLF line ends, not dot-stuffed.</summary>
    void Feed(ReadOnlySpan<byte> octets);

    /// <summary>The message is complete: says what becomes of it.</summary>
    ValueTask<ProxyDisposition> DecideAsync(CancellationToken cancellation);
}
