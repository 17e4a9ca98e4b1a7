using Dkim.Core.Stores;
using Microsoft.FSharp.Collections;
using Microsoft.FSharp.Core;

namespace Dkim.Hosting.Stores;

/// <summary>What one store has answered, and whether it can be asked now. A question that is known is answered at once;
/// what several ask at the same time is asked once. Used by several threads.</summary>
/// <param name="ask">Puts a question to the store itself.</param>
/// <param name="report">Takes a line for the log when the store stops or begins to answer.</param>
internal sealed class StoreAnswers(
    StoreUse use, Func<FSharpList<string>, Task<StoreAnswer>> ask, TimeProvider clock, Action<string> report)
{
    private readonly Lock gate = new();
    private readonly Dictionary<string, Task> asked = [];
    private readonly TwoGenerations<string, Kept> known = new(StoreRules.MostAnswers, StoreRules.MostOctets);
    private StoreHealth health = StoreHealth.Up;
    private string problem = "";

    /// <summary>The rows that there are of the texts, or why that cannot be told. Never throws.</summary>
    public ValueTask<StoreAnswer> AskAsync(FSharpList<string> forms)
    {
        Task? wait;
        lock (gate)
        {
            var now = clock.GetUtcNow();
            var (missing, ageing) = Sort(forms, now);
            if (missing.Count == 0)
            {
                if (ageing.Count > 0 && health.IsUp)
                    AskFor(ageing);
                return ValueTask.FromResult(Rows(forms));
            }

            // Nobody waits for a store that did not answer last; whether it does again is found out beside.
            if (!health.IsUp)
            {
                Probe(missing, now);
                return ValueTask.FromResult(AnyRows(forms, now));
            }

            wait = AskFor(missing);
        }

        return new ValueTask<StoreAnswer>(AfterAsync(wait, forms));
    }

    private async Task<StoreAnswer> AfterAsync(Task wait, FSharpList<string> forms)
    {
        await wait.ConfigureAwait(false);
        lock (gate)
            return AnyRows(forms, clock.GetUtcNow(), justAsked: true);
    }

    private (List<string> Missing, List<string> Ageing) Sort(FSharpList<string> forms, DateTimeOffset now)
    {
        List<string> missing = [];
        List<string> ageing = [];
        foreach (var form in forms)
        {
            var freshness = FreshnessOf(form, now);
            if (freshness.IsAgeing)
                ageing.Add(form);
            else if (!freshness.IsFresh)
                missing.Add(form);
        }

        return (missing, ageing);
    }

    private Freshness FreshnessOf(string form, DateTimeOffset now) => known.TryGet(form, out var kept)
        ? StoreRules.Freshness(use.Times, kept.Fields is not null, now - kept.Since)
        : Freshness.Gone;

    // With old answers where there are no others.
    private StoreAnswer AnyRows(FSharpList<string> forms, DateTimeOffset now, bool justAsked = false)
    {
        foreach (var form in forms)
        {
            var isGone = !known.TryGet(form, out _) || FreshnessOf(form, now).IsGone;
            if (isGone && !(justAsked && health.IsUp && known.TryGet(form, out _)))
                return StoreAnswer.NewUnavailable(problem.Length > 0 ? problem : "no answer");
        }

        return Rows(forms);
    }

    private StoreAnswer Rows(FSharpList<string> forms)
    {
        List<StoreRow> rows = [];
        foreach (var form in forms)
        {
            if (known.TryGet(form, out var kept) && kept.Fields is { } fields)
                rows.Add(new StoreRow(form, fields));
        }

        return StoreAnswer.NewRows(ListModule.OfSeq(rows));
    }

    // Within the gate.
    private void Probe(List<string> missing, DateTimeOffset now)
    {
        if (!StoreRules.MayAsk(health, now))
            return;
        health = StoreRules.Probing(use.Times, health, now);
        AskFor(missing);
    }

    // Within the gate: the end of every question that these are part of.
    private Task AskFor(List<string> forms)
    {
        List<Task> ends = [];
        List<string> fresh = [];
        foreach (var form in forms)
        {
            if (asked.TryGetValue(form, out var end))
                ends.Add(end);
            else
                fresh.Add(form);
        }

        if (fresh.Count > 0)
        {
            var end = Task.Run(() => PutAsync(fresh));
            foreach (var form in fresh)
                asked[form] = end;
            ends.Add(end);
        }

        return Task.WhenAll(ends);
    }

    private async Task PutAsync(List<string> forms)
    {
        var answer = await ask(ListModule.OfSeq(forms)).ConfigureAwait(false);
        string? line;
        lock (gate)
        {
            foreach (var form in forms)
                asked.Remove(form);
            line = answer is StoreAnswer.Unavailable { reason: var reason } ? Failed(reason) : Answered(forms, (StoreAnswer.Rows)answer);
        }

        if (line is not null)
            report(line);
    }

    private string? Failed(string reason)
    {
        var wasUp = health.IsUp;
        health = StoreRules.Failed(health, clock.GetUtcNow());
        problem = reason;
        return wasUp ? StoreRules.DownLine(use, reason) : null;
    }

    private string? Answered(List<string> forms, StoreAnswer.Rows answer)
    {
        var now = clock.GetUtcNow();
        var found = answer.Item.ToDictionary(row => row.Form, row => row.Fields, StringComparer.Ordinal);
        foreach (var form in forms)
        {
            var fields = found.GetValueOrDefault(form);
            known.Put(form, new Kept(fields, now), StoreRules.Octets(form, fields ?? FSharpList<string>.Empty));
        }

        var line = health is StoreHealth.Down { since: var since } ? StoreRules.BackLine(use, now - since) : null;
        health = StoreHealth.Up;
        problem = "";
        return line;
    }

    /// <summary>An answer: the fields of a row, or null where there is none.</summary>
    private sealed record Kept(FSharpList<string>? Fields, DateTimeOffset Since);
}
