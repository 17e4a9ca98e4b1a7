using Dkim.Core.Programs.Proxies.Shared;
using Dkim.Core.Programs.Proxies.Smtp;
using Dkim.Core.Programs.Running;
using Dkim.Core.Programs.Settings;
using Dkim.Hosting;
using Dkim.ProxyHost.Dialogue;

namespace Dkim.ProxyHost.Sessions;

/// <summary>How long a session waits.</summary>
/// <param name="Connect">For the relay to accept the connection.</param>
/// <param name="Client">For the client's next command, or the next piece of its message.</param>
/// <param name="Relay">For each reply of the relay; at least ten minutes for the last one of a message (RFC 5321
/// §4.5.3.2.6).</param>
internal sealed record Patience(TimeSpan Connect, TimeSpan Client, TimeSpan Relay)
{
    /// <summary>What it goes by.</summary>
    public TimeProvider Clock { get; init; } = TimeProvider.System;

    /// <summary>For a client whose message was refused: it may say QUIT.</summary>
    public TimeSpan Parting { get; init; } = SmtpLimits.parting;

    /// <summary>For a message in all, however often a piece of it comes.</summary>
    public DataPace Pace { get; init; } = ProxySettingsModule.defaults.DataPace;
}

/// <summary>What all sessions begun under one configuration share. It never changes; another configuration is another
/// one, and sessions end under the one they began with.</summary>
internal sealed record Relaying(Patience Patience, DialogueLimits Limits, SpoolArea Spool)
{
    /// <summary>Connects to the next hop.</summary>
    public required Func<CancellationToken, ValueTask<StreamSocket>> ConnectAsync { get; init; }

    /// <summary>Begins to judge a message, of which it is known who sends it to whom.</summary>
    public required Func<Conversation, IMessageFilter> Filter { get; init; }

    /// <summary>Largest message in octets; 0 for no limit but the relay's.</summary>
    public long MaxMessage { get; init; }

    /// <summary>Takes lines for the log.</summary>
    public Action<LogLine> Log { get; init; } = _ => { };

    /// <summary>Takes each command of the clients, as text of Latin-1 characters.</summary>
    public Action<string>? Trace { get; init; }
}
