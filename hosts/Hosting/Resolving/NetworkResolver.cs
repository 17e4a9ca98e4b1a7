using Dkim.Core.Dns;
using Dkim.Core.Programs.Settings;

namespace Dkim.Hosting.Resolving;

/// <summary>An answer and how long it stays true, in seconds; 0 when it may not be kept.</summary>
internal readonly record struct TimedAnswer(Answer Answer, int TimeToLive);

/// <summary>What the sources of DNS answers on the network share: identical questions in flight are asked once, answers
/// are kept as long as their time to live says, and names that cannot exist never leave the process.</summary>
/// <param name="most">Questions that wait for an answer at the same time.</param>
/// <param name="clock">What answers age by.</param>
internal abstract class NetworkResolver(bool caching, int most, TimeProvider clock) : IResolver
{
    private readonly Dictionary<Question, Flight> flights = [];
    private readonly LookupPlaces places = new(most, clock);
    private readonly AnswerCache? cache = caching ? new AnswerCache(clock) : null;

    public abstract string Description { get; }

    public ValueTask<Answer> AskAsync(Question question, CancellationToken cancellation) =>
        Find(question) is { } known ? ValueTask.FromResult(known) : new(JoinAsync(question, cancellation));

    public Answer? Find(Question question) =>
        ResolverLimits.isPossible(question.Name) ? cache?.Find(question) : Answer.NoSuchName(Security.Unchecked);

    public CacheCounts? Counts => cache?.Counts;

    public virtual void Dispose() => places.Dispose();

    /// <summary>Asks the network. Cancellation means that nobody waits any more.</summary>
    protected abstract Task<TimedAnswer> LookUpAsync(Question question, CancellationToken cancellation);

    private async Task<Answer> JoinAsync(Question question, CancellationToken cancellation)
    {
        cache?.Miss(question);
        Flight? flight;
        bool first;
        lock (flights)
        {
            first = !flights.TryGetValue(question, out flight);
            if (first)
            {
                flights.Add(question, flight = new Flight());
            }

            flight!.Waiting++;
        }

        if (first)
        {
            _ = FlyAsync(question, flight);
        }

        try
        {
            return await flight.Landed.Task.WaitAsync(cancellation).ConfigureAwait(false);
        }
        finally
        {
            Leave(question, flight);
        }
    }

    private async Task FlyAsync(Question question, Flight flight)
    {
        Answer answer;
        try
        {
            var found = await FindPlaceAsync(question, flight).ConfigureAwait(false);
            answer = found.Answer;
            cache?.Keep(question, found);
        }
        catch (OperationCanceledException)
        {
            answer = Answer.Unavailable("timeout");
        }
        catch (Exception failure)
        {
            answer = Answer.Unavailable(failure.GetType().Name);
        }

        Forget(question, flight);
        flight.Landed.TrySetResult(answer);
    }

    private async Task<TimedAnswer> FindPlaceAsync(Question question, Flight flight)
    {
        var place = await places.EnterAsync(question.Name, flight.Abandoned.Cancel, flight.Abandoned.Token)
            .ConfigureAwait(false);
        var ending = LookupEnd.Failed;
        try
        {
            var found = await LookUpAsync(question, flight.Abandoned.Token).ConfigureAwait(false);
            ending = found.Answer.Outcome is not Outcome.Unavailable unavailable ? LookupEnd.Answered
                : unavailable.reason == "timeout" ? LookupEnd.Silent
                : LookupEnd.Failed;
            return found;
        }
        catch (OperationCanceledException) when (clock.Milliseconds() - place.Since >= ResolverLimits.SilentAfter)
        {
            ending = LookupEnd.Silent;
            throw;
        }
        finally
        {
            place.Leave(ending);
        }
    }

    private void Leave(Question question, Flight flight)
    {
        lock (flights)
        {
            if (--flight.Waiting > 0)
            {
                return;
            }

            Forget(question, flight);
        }

        flight.Abandoned.Cancel();
    }

    private void Forget(Question question, Flight flight)
    {
        lock (flights)
        {
            if (flights.TryGetValue(question, out var current) && ReferenceEquals(current, flight))
            {
                flights.Remove(question);
            }
        }
    }

    /// <summary>One question on its way and those who wait for it.</summary>
    private sealed class Flight
    {
        public TaskCompletionSource<Answer> Landed { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public CancellationTokenSource Abandoned { get; } = new();

        public int Waiting { get; set; }
    }
}

/// <summary>Answers kept for their time to live, bounded in number and size; the oldest go first.</summary>
internal sealed class AnswerCache(
    TimeProvider clock,
    int maxEntries = ResolverLimits.KeptAnswers,
    long maxCharacters = ResolverLimits.KeptCharacters)
{
    private readonly Dictionary<Question, Entry> entries = [];
    private readonly Queue<(Question Question, int Size)> order = [];
    private long characters;
    private long queries;
    private long hits;
    private long expired;

    /// <summary>What was asked for since the start.</summary>
    public CacheCounts Counts
    {
        get
        {
            lock (entries)
            {
                return new CacheCounts(queries, hits, expired, entries.Count);
            }
        }
    }

    public Answer? Find(Question question)
    {
        lock (entries)
        {
            if (!entries.TryGetValue(question, out var entry) || entry.Expires <= clock.Milliseconds())
            {
                return null;
            }

            queries++;
            hits++;
            return entry.Answer;
        }
    }

    /// <summary>Counts a question whose answer is not there, or not any more.</summary>
    public void Miss(Question question)
    {
        lock (entries)
        {
            queries++;
            expired += entries.ContainsKey(question) ? 1 : 0;
        }
    }

    public void Keep(Question question, TimedAnswer found)
    {
        if (found.TimeToLive <= 0 || found.Answer.Security == Security.Bogus || found.Answer.Outcome.IsUnavailable)
        {
            return;
        }

        var size = question.Name.Length
            + (found.Answer.Outcome is Outcome.Records records ? records.Item.Sum(record => record.Length) : 0);
        var expires = clock.Milliseconds() + (1000L * Math.Min(found.TimeToLive, ResolverLimits.KeptSeconds));
        lock (entries)
        {
            entries[question] = new Entry(found.Answer, expires);
            order.Enqueue((question, size));
            characters += size;
            while (order.Count > maxEntries || characters > maxCharacters)
            {
                var oldest = order.Dequeue();
                characters -= oldest.Size;
                entries.Remove(oldest.Question);
            }
        }
    }

    private readonly record struct Entry(Answer Answer, long Expires);
}
