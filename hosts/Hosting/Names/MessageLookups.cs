using Dkim.Core.Dns;
using Dkim.Hosting.Resolving;

namespace Dkim.Hosting.Names;

/// <summary>The lookups of one message: each distinct question is asked once, several at the same time, within a deadline
/// and a budget. Rounds follow one another; they do not overlap.</summary>
public sealed class MessageLookups(IResolver resolver, LookupBudget budget, TimeProvider? clock = null)
{
    private readonly TimeProvider clock = clock ?? TimeProvider.System;
    private readonly Dictionary<Question, Answer> known = [];
    private TimeSpan left = budget.Time;
    private int asked;

    /// <summary>Answers every question and never throws: what is late is <c>Unavailable "timeout"</c>.</summary>
    /// <param name="cancellation">Ends the wait as the deadline does.</param>
    public Task<IReadOnlyDictionary<Question, Answer>> AskAsync(
        IReadOnlyCollection<Question> questions, CancellationToken cancellation = default) =>
        AllKnown(questions)
            ? Task.FromResult<IReadOnlyDictionary<Question, Answer>>(known)
            : AskUnknownAsync(questions, cancellation);

    // Most keys are those of the last message, and then neither task nor timer is needed.
    private bool AllKnown(IReadOnlyCollection<Question> questions)
    {
        foreach (var question in questions)
        {
            if (known.ContainsKey(question))
            {
                continue;
            }

            if (asked >= budget.Questions || resolver.Find(question) is not { } answer)
            {
                return false;
            }

            asked++;
            known.Add(question, answer);
        }

        return true;
    }

    private async Task<IReadOnlyDictionary<Question, Answer>> AskUnknownAsync(
        IReadOnlyCollection<Question> questions, CancellationToken cancellation)
    {
        var fresh = questions.Where(question => !known.ContainsKey(question)).Distinct().ToArray();
        if (fresh.Length > 0)
        {
            var started = clock.GetTimestamp();
            using var timer = new CancellationTokenSource(left > TimeSpan.Zero ? left : TimeSpan.Zero, clock);
            using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellation, timer.Token);
            var answers = await AskAllAsync(fresh, deadline.Token).ConfigureAwait(false);
            left -= clock.GetElapsedTime(started);
            for (var i = 0; i < fresh.Length; i++)
            {
                known[fresh[i]] = answers[i];
            }
        }

        return known;
    }

    private async Task<Answer[]> AskAllAsync(Question[] questions, CancellationToken deadline)
    {
        var answers = new Answer[questions.Length];
        var most = Math.Clamp(budget.Questions - asked, 0, questions.Length);
        Array.Fill(answers, Answer.Unavailable("too many queries"));
        asked += most;
        var next = -1;
        async Task WorkAsync()
        {
            for (var i = Interlocked.Increment(ref next); i < most; i = Interlocked.Increment(ref next))
            {
                answers[i] = await AskOneAsync(questions[i], deadline).ConfigureAwait(false);
            }
        }

        await Task.WhenAll(Enumerable.Range(0, Math.Min(most, budget.AtOnce)).Select(_ => WorkAsync())).ConfigureAwait(false);
        return answers;
    }

    private async Task<Answer> AskOneAsync(Question question, CancellationToken deadline)
    {
        try
        {
            return await resolver.AskAsync(question, deadline).AsTask().WaitAsync(deadline).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            return Answer.Unavailable("timeout");
        }
        catch (Exception failure)
        {
            return Answer.Unavailable(failure.GetType().Name);
        }
    }
}
