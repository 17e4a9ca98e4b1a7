using System.Diagnostics;
using Dkim.Core;

namespace Dkim.Hosting;

/// <summary>What the questions of one message may cost.</summary>
/// <param name="Queries">Distinct questions that are asked; the rest count as unavailable.</param>
/// <param name="Time">Time spent waiting for answers, over all rounds.</param>
public sealed record LookupLimits(int Queries, TimeSpan Time)
{
    public static LookupLimits Default { get; } = new(20, TimeSpan.FromSeconds(10));
}

/// <summary>The lookups of one message: each distinct question is asked once, all at the same time, within a deadline
/// and a budget. Rounds follow one another; they do not overlap.</summary>
public sealed class MessageLookups(IResolver resolver, LookupLimits limits)
{
    private readonly Dictionary<Question, Answer> known = [];
    private TimeSpan left = limits.Time;
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

            if (asked >= limits.Queries || resolver.Find(question) is not { } answer)
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
            var started = Stopwatch.GetTimestamp();
            using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
            deadline.CancelAfter(left > TimeSpan.Zero ? left : TimeSpan.Zero);
            var answers = await Task.WhenAll(fresh.Select(question => AskOneAsync(question, deadline.Token)))
                .ConfigureAwait(false);
            left -= Stopwatch.GetElapsedTime(started);
            for (var i = 0; i < fresh.Length; i++)
            {
                known[fresh[i]] = answers[i];
            }
        }

        return known;
    }

    private async Task<Answer> AskOneAsync(Question question, CancellationToken deadline)
    {
        if (asked >= limits.Queries)
        {
            return Answer.Unavailable("too many queries");
        }

        asked++;
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
