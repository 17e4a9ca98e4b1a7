using Dkim.Core.Dns;

namespace Dkim.Hosting.Resolving;

/// <summary>A source of DNS answers.</summary>
public interface IResolver : IDisposable
{
    /// <summary>What the source is, for the log at start-up.</summary>
    string Description { get; }

    /// <summary>What an administrator should be told of it once.</summary>
    IReadOnlyList<string> Warnings => [];

    /// <summary>Asks one question. Whatever goes wrong with the DNS is an answer; only
    /// <see cref="OperationCanceledException"/> is thrown.</summary>
    ValueTask<Answer> AskAsync(Question question, CancellationToken cancellation);

    /// <summary>The answer where it is known without asking anybody.</summary>
    Answer? Find(Question question) => null;

    /// <summary>How often answers were there already; null where none are kept.</summary>
    CacheCounts? Counts => null;

    /// <summary>Reads again what the source was made from.</summary>
    void Refresh()
    {
    }
}

/// <summary>What a cache of answers was asked for since it was made.</summary>
/// <param name="Queries">All questions.</param>
/// <param name="Hits">Those whose answer was there.</param>
/// <param name="Expired">Those whose answer was too old.</param>
/// <param name="Kept">The answers that are there now.</param>
public readonly record struct CacheCounts(long Queries, long Hits, long Expired, int Kept);
