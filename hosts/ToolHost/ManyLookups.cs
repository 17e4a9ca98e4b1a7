using Dkim.Core.Dns;
using Dkim.Core.Programs.Tool.Running;
using Dkim.Hosting.Resolving;

namespace Dkim.ToolHost;

/// <summary>The look-ups of many messages: so many at the same time, each within its time, and all within a credit, so that a
/// server that is dead is not asked for every name.</summary>
internal sealed class ManyLookups(IResolver resolver, TimeSpan time, TimeProvider clock)
{
    private readonly Lock gate = new();
    private LookupCredit credit = LookupCreditModule.full;

    /// <param name="tell">Told now and then how many have their answers.</param>
    public async Task<IReadOnlyDictionary<Question, Answer>> AskAsync(
        IReadOnlyList<Question> questions, Action<int> tell)
    {
        var answers = new Answer[questions.Count];
        var next = -1;
        var answered = 0;
        async Task WorkAsync()
        {
            for (var i = Interlocked.Increment(ref next); i < answers.Length; i = Interlocked.Increment(ref next))
            {
                answers[i] = await AskOneAsync(questions[i]).ConfigureAwait(false);
                Interlocked.Increment(ref answered);
            }
        }

        var all = Task.WhenAll(
            Enumerable.Range(0, Math.Min(answers.Length, LookupCreditModule.AtOnce)).Select(_ => WorkAsync()));
        while (!all.IsCompleted)
        {
            using var pause = new CancellationTokenSource();
            await Task.WhenAny(all, Task.Delay(ToolLimits.progressPause, clock, pause.Token)).ConfigureAwait(false);
            await pause.CancelAsync().ConfigureAwait(false);
            tell(Volatile.Read(ref answered));
        }

        await all.ConfigureAwait(false);
        return questions.Zip(answers).ToDictionary(pair => pair.First, pair => pair.Second);
    }

    private async Task<Answer> AskOneAsync(Question question)
    {
        lock (gate)
        {
            if (LookupCreditModule.isSpent(credit))
            {
                return Answer.Unavailable(LookupCreditModule.NotAsked);
            }
        }

        var answer = await AskInTimeAsync(question).ConfigureAwait(false);
        lock (gate)
        {
            credit = LookupCreditModule.after(answer, credit);
        }

        return answer;
    }

    private async Task<Answer> AskInTimeAsync(Question question)
    {
        using var timer = new CancellationTokenSource(time, clock);
        try
        {
            return await resolver.AskAsync(question, timer.Token).AsTask().WaitAsync(timer.Token).ConfigureAwait(false);
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
