namespace Dkim.ProxyHost;

/// <summary>What to do with a CR or LF in message text that is not part of a CRLF (RFC 5321 §2.3.8).</summary>
internal enum BareLineEnds
{
    /// <summary>The whole message is read to its end and then refused.</summary>
    Refuse,

    /// <summary>Each becomes a CRLF. The end of the message is still CRLF . CRLF alone.</summary>
    Normalize,
}

/// <summary>Bounds of one conversation, in octets and counts.</summary>
/// <param name="CommandLine">Longest line from the client, CRLF included; 12288 carries any AUTH exchange (RFC 4954
/// §4).</param>
/// <param name="Reply">Longest reply of the relay, all its lines together.</param>
/// <param name="Pipelined">Commands sent on whose replies are still to come; more wait in the client's socket.</param>
/// <param name="Refused">Commands answered by us, all with 5xx, before the client is sent away.</param>
internal sealed record DialogueLimits(
    int CommandLine = 12288, int Reply = 65536, int Pipelined = 1000, int Refused = 100)
{
    /// <summary>How bare line ends in message text are treated.</summary>
    public BareLineEnds BareLineEnds { get; init; }
}
