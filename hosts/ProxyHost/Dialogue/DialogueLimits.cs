using Dkim.Core.Programs.Proxies.Shared;
using Dkim.Core.Programs.Proxies.Smtp;

namespace Dkim.ProxyHost.Dialogue;

/// <summary>Bounds of one conversation, in octets and counts.</summary>
/// <param name="CommandLine">Longest line from the client, CRLF included.</param>
/// <param name="Reply">Longest reply of the relay, all its lines together.</param>
/// <param name="Pipelined">Commands sent on whose replies are still to come; more wait in the client's socket.</param>
/// <param name="Refused">Commands answered by us, all with 5xx, before the client is sent away.</param>
internal sealed record DialogueLimits(
    int CommandLine = SmtpLimits.CommandLine,
    int Reply = SmtpLimits.Reply,
    int Pipelined = SmtpLimits.Pipelined,
    int Refused = SmtpLimits.Refused)
{
    /// <summary>How bare line ends in message text are treated.</summary>
    public BareNewlines BareNewlines { get; init; }
}
