using Dkim.Core.Asking;
using Dkim.Core.Programs.Proxies.Shared;
using Dkim.Core.Programs.Running;
using Dkim.Core.Programs.Settings;
using Dkim.Core.Signatures;
using Dkim.Hosting;

namespace Dkim.ProxyHost.Sessions;

/// <summary>Lets the core judge a message: starts the lookups it wants while the body still comes, and hands on what it
/// decides and says.</summary>
internal sealed class PassageFilter(
    Passage<ProxyDecision> passage, MessageNeeds needs, Action<LogLine> log) : IMessageFilter
{
    private Task<Found>? asked;

    public int Feed(ReadOnlySpan<byte> octets)
    {
        var taken = passage.Feed(octets);
        Ask();
        // What is known already costs no wait.
        while (taken < octets.Length && !Waits)
            taken += passage.Feed(octets[taken..]);
        return taken;
    }

    public bool Waits
    {
        get
        {
            while (passage.HoldsBody && asked is { IsCompletedSuccessfully: true, Result: var found })
                GoOn(found);
            return passage.HoldsBody;
        }
    }

    public async Task ReadyAsync(CancellationToken cancellation)
    {
        while (Waits)
            await asked!.WaitAsync(cancellation).ConfigureAwait(false);
    }

    public async ValueTask<ProxyDisposition> DecideAsync(CancellationToken cancellation)
    {
        passage.End();
        while (passage.Needs is { IsEmpty: false } wanted)
        {
            var found = await (asked ?? needs.FindAsync(wanted, cancellation)).ConfigureAwait(false);
            asked = null;
            passage.Go(found);
        }

        var decision = passage.Decision;
        foreach (var line in decision.Log)
            log(line);
        return decision.Disposition;
    }

    public void Dispose() => ((IDisposable)passage).Dispose();

    private void Ask()
    {
        if (asked is null && passage.Needs is { IsEmpty: false } wanted)
            asked = needs.FindAsync(wanted);
    }

    private void GoOn(Found found)
    {
        asked = null;
        passage.Go(found);
        Ask();
    }
}
