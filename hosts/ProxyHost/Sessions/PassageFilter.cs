using Dkim.Core.Dns;
using Dkim.Core.Programs.Proxies.Shared;
using Dkim.Core.Programs.Running;
using Dkim.Core.Programs.Settings;
using Dkim.Core.Signatures;
using Dkim.Hosting;

namespace Dkim.ProxyHost.Sessions;

/// <summary>Lets the core judge a message: starts the lookups it wants while the body still comes, and hands on what it
/// decides and says.</summary>
internal sealed class PassageFilter(
    Passage<ProxyDecision> passage, MessageLookups lookups, Action<LogLine> log) : IMessageFilter
{
    private Task<IReadOnlyDictionary<Question, Answer>>? asked;

    public void Feed(ReadOnlySpan<byte> octets)
    {
        passage.Feed(octets);
        if (asked is null && passage.Questions is { Length: > 0 } questions)
            asked = lookups.AskAsync(questions);
    }

    public async ValueTask<ProxyDisposition> DecideAsync(CancellationToken cancellation)
    {
        passage.End();
        while (passage.Questions is { Length: > 0 } questions)
        {
            var answers = await (asked ?? lookups.AskAsync(questions, cancellation)).ConfigureAwait(false);
            asked = null;
            passage.Answer(answers);
        }

        var decision = passage.Decision;
        foreach (var line in decision.Log)
            log(line);
        return decision.Disposition;
    }

    public void Dispose() => ((IDisposable)passage).Dispose();
}
