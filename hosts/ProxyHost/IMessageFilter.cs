namespace Dkim.ProxyHost;

/// <summary>What becomes of a message.</summary>
internal abstract record Outcome
{
    private Outcome()
    {
    }

    /// <summary>Send `Head` in place of the first `Replaced` octets, then the rest.</summary>
    public sealed record Relay(ReadOnlyMemory<byte> Head, long Replaced) : Outcome;

    /// <summary>Answer the end of the message with this, and send it nowhere.</summary>
    public sealed record Refuse(int Code, string Text) : Outcome;
}

/// <summary>Judges one message, which passes by as octets.</summary>
internal interface IMessageFilter : IDisposable
{
    /// <summary>Takes the next octets: CRLF line ends, not dot-stuffed.</summary>
    void Feed(ReadOnlySpan<byte> octets);

    /// <summary>The message is complete: says what becomes of it.</summary>
    ValueTask<Outcome> DecideAsync(CancellationToken cancellation);
}
