using System.Net;
using Dkim.Core.Asking;
using Dkim.Core.Cryptography;
using Dkim.Core.Dns;
using Dkim.Core.Stores;

namespace Dkim.Hosting.Names;

/// <summary>Finds what the core needs to know for one message. Steps follow one another; they do not overlap.</summary>
/// <param name="lookups">The lookups of the message.</param>
public sealed class MessageNeeds(MessageLookups lookups)
{
    /// <summary>Whether a client of an address has logged in by POP. It may wait, and is asked on a thread that may.</summary>
    public Func<IPAddress, bool>? HasLogin { get; init; }

    /// <summary>Reads a key that a table names.</summary>
    public Func<KeyPlace, KeyReading>? ReadKey { get; init; }

    /// <summary>Asks a store, which may take its time.</summary>
    public Func<StoreQuestion, ValueTask<StoreAnswer>>? AskStore { get; init; }

    /// <summary>Takes reports that may be sent, at most so many, and says how many.</summary>
    public Func<int, int>? TakeReports { get; init; }

    /// <summary>Finds everything at the same time and never throws.</summary>
    /// <param name="cancellation">Ends the wait for names as their deadline does.</param>
    public Task<Found> FindAsync(IEnumerable<Need> needs, CancellationToken cancellation = default)
    {
        List<Question> questions = [];
        List<IPAddress> logins = [];
        List<(StoreQuestion Question, Task<StoreAnswer> Answer)> rows = [];
        Dictionary<KeyPlace, KeyReading> keys = [];
        var reports = 0;
        foreach (var need in needs)
        {
            switch (need)
            {
                case Need.Lookup lookup:
                    questions.Add(lookup.Item);
                    break;
                case Need.Key key when ReadKey is not null:
                    keys[key.Item] = ReadKey(key.Item);
                    break;
                case Need.Rows asked when AskStore is not null:
                    rows.Add((asked.Item, AskStore(asked.Item).AsTask()));
                    break;
                case Need.Login login:
                    logins.Add(login.Item);
                    break;
                case Need.Reports wanted:
                    reports = TakeReports?.Invoke(wanted.most) ?? 0;
                    break;
            }
        }

        var answers = lookups.AskAsync(questions, cancellation);
        var isKnown = logins.Count == 0 && answers.IsCompletedSuccessfully && rows.TrueForAll(row => row.Answer.IsCompletedSuccessfully);
        return isKnown
            ? Task.FromResult(With(answers.Result, keys, Answered(rows), [], reports))
            : WaitAsync(answers, keys, rows, logins, reports);
    }

    private async Task<Found> WaitAsync(
        Task<IReadOnlyDictionary<Question, Answer>> answers,
        Dictionary<KeyPlace, KeyReading> keys,
        List<(StoreQuestion Question, Task<StoreAnswer> Answer)> rows,
        List<IPAddress> logins,
        int reports)
    {
        var known = logins.Count == 0
            ? Task.FromResult(new HashSet<IPAddress>())
            : Task.Run(() => logins.Where(address => HasLogin?.Invoke(address) ?? false).ToHashSet());
        await Task.WhenAll(rows.Select(row => row.Answer)).ConfigureAwait(false);
        return With(await answers.ConfigureAwait(false), keys, Answered(rows), await known.ConfigureAwait(false), reports);
    }

    private static IReadOnlyDictionary<StoreQuestion, StoreAnswer> Answered(
        List<(StoreQuestion Question, Task<StoreAnswer> Answer)> rows)
    {
        if (rows.Count == 0)
            return Found.Nothing.Rows;
        var found = new Dictionary<StoreQuestion, StoreAnswer>();
        foreach (var (question, answer) in rows)
            found[question] = answer.Result;
        return found;
    }

    private static Found With(
        IReadOnlyDictionary<Question, Answer> answers,
        Dictionary<KeyPlace, KeyReading> keys,
        IReadOnlyDictionary<StoreQuestion, StoreAnswer> rows,
        HashSet<IPAddress> logins,
        int reports) =>
        new(answers, Found.Nothing.Replies, Found.Nothing.Files, keys, rows, logins, reports);
}
