using Dkim.Core.Programs.Proxies.Shared;

namespace Dkim.ProxyHost.Dialogue;

/// <summary>Where a dialogue puts what is neither for the client nor for the relay.</summary>
internal interface IDialogueSink
{
    /// <summary>A command line of the client without its CRLF, for a trace. Never what a client proves itself
    /// with.</summary>
    void Command(ReadOnlySpan<byte> line);

    /// <summary>The relay said 354: a message follows.</summary>
    void Begin();

    /// <summary>Message text as the next hop will see it: CRLF line ends, dots unstuffed.</summary>
    void Text(ReadOnlySpan<byte> octets);

    /// <summary>Text of a message that will be refused for its line ends, after the first of them: for the log
    /// alone.</summary>
    void Spoilt(ReadOnlySpan<byte> octets);

    /// <summary>Something for the log.</summary>
    void Happened(SessionEvent what);
}
