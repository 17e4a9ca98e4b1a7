using Dkim.Core.Canonicalization;
using Dkim.Core.Programs.Filters.Milter;
using Dkim.Core.Programs.Running;
using Dkim.Core.Programs.Settings;
using Dkim.Hosting;

namespace Dkim.MilterHost.Dialogue;

/// <summary>The program behind the milter. All connections share it and call it from several threads; what it answers
/// may change between messages.</summary>
internal interface IMilterService
{
    /// <summary>What the time of messages and the patience with peers go by.</summary>
    TimeProvider Clock { get; }

    /// <summary>Macros to ask for.</summary>
    WantedMacros WantedMacros { get; }

    /// <summary>Messages may have to be held, so that an MTA which cannot is of no use.</summary>
    bool Quarantines { get; }

    /// <summary>Messages may get other recipients, so that an MTA which does not allow it is of no use.</summary>
    bool Redirects { get; }

    /// <summary><see cref="Ignores"/> may be true for some client.</summary>
    bool IgnoresSome { get; }

    /// <summary>Of some message's body not all may be wanted, or nothing. False saves a reply for each piece of every
    /// body: the MTA then sends them all without waiting, and messages end when they are complete.</summary>
    bool SkipsBodies { get; }

    /// <summary>What all connections hold.</summary>
    Holdings Holdings { get; }

    /// <summary>The client's messages pass without being looked at.</summary>
    bool Ignores(MilterClient client);

    /// <summary>Begins a message, at its MAIL command.</summary>
    MilterMessage NewMessage(MilterClient client);

    /// <summary>Finds what one message needs.</summary>
    MessageNeeds NewNeeds();

    /// <summary>Hands a complete message of our own to the local mail system; does not wait.</summary>
    void Mail(ReadOnlyMemory<byte> message);

    /// <summary>Leaves octets in a new file of the temporary directory, whose name begins so.</summary>
    void Keep(string prefix, ReadOnlyMemory<byte> octets);

    /// <summary>Logs what a decision says, or a failure of ours or of the MTA.</summary>
    void Log(LogLine line);
}
