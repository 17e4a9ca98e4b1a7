using Dkim.Core.Programs.Filters.Milter;
using Dkim.MilterHost.Dialogue;

namespace Dkim.MilterHost.Connections;

/// <summary>How long a connection waits.</summary>
internal sealed record Patience
{
    /// <summary>For the next command. An MTA keeps its milters as long as it keeps its client.</summary>
    public TimeSpan Command { get; init; } = MilterLimits.command;

    /// <summary>For the next command of an MTA that has had no message yet, once the service is to end.</summary>
    public TimeSpan FirstMessage { get; init; } = MilterLimits.firstMessage;

    /// <summary>For the MTA to take a reply.</summary>
    public TimeSpan Reply { get; init; } = MilterLimits.reply;

    /// <summary>Between signs of life while names are looked up; MTAs give up after ten seconds without any.</summary>
    public TimeSpan Progress { get; init; } = MilterLimits.progress;
}
