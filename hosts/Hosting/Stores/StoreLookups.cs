using Dkim.Core.Asking;
using Dkim.Core.Programs.Running;
using Dkim.Core.Stores;
using Microsoft.FSharp.Collections;

namespace Dkim.Hosting.Stores;

/// <summary>The stores that a program's data sets are in. Used by several threads.</summary>
/// <param name="user">Who asks them; null for the user of this process.</param>
/// <param name="report">Takes a line for the log when a store stops or begins to answer.</param>
public sealed class StoreLookups(string? user, TimeProvider clock, Action<string> report) : IDisposable
{
    private readonly StoreProcess process = new(user, clock, report);
    private volatile Dictionary<Store, StoreAnswers> stores = [];

    /// <summary>Answers from these from now on, and forgets what others have said.</summary>
    /// <exception cref="StartupException">There are some, and the process that asks them cannot be started.</exception>
    public void Follow(IEnumerable<StoreUse> uses)
    {
        var next = uses.ToDictionary(
            use => use.Store,
            use => new StoreAnswers(use, forms => process.AskAsync(use, forms), clock, report));
        if (next.Count > 0)
            process.Start();
        stores = next;
        process.Keep(next.Keys);
    }

    /// <summary>Asks each of the stores whether it answers, and has each asked in its own time.</summary>
    /// <exception cref="StartupException">One does not.</exception>
    public static void Require(string? user, IEnumerable<StoreUse> uses, TimeProvider clock)
    {
        using var process = new StoreProcess(user, clock, _ => { });
        process.Start();
        var asked = uses.Select(use => (use.Name, Answer: process.AskAsync(use, ListModule.OfSeq([StoreRules.Probe])))).ToArray();
        foreach (var (name, answer) in asked)
        {
            if (answer.GetAwaiter().GetResult() is StoreAnswer.Unavailable silent)
                throw new StartupException(StartupFault.Store, $"{name}: the store does not answer: {silent.reason}", "SoftStart", "write SoftStart yes to start without it");
        }
    }

    /// <summary>What a store says; a question that is known is answered at once. Never throws.</summary>
    public ValueTask<StoreAnswer> AskAsync(StoreQuestion question) => question.Forms.IsEmpty
        ? ValueTask.FromResult(StoreAnswer.NewRows([]))
        : stores.TryGetValue(question.Store, out var answers)
            ? answers.AskAsync(question.Forms)
            : ValueTask.FromResult(StoreAnswer.NewUnavailable("it is not served"));

    /// <summary>What stores say, for a step that waits for all of it; each question is put to its store.</summary>
    public IReadOnlyDictionary<StoreQuestion, StoreAnswer> Ask(IEnumerable<Need> needs, StoreTimes times)
    {
        var found = new Dictionary<StoreQuestion, StoreAnswer>();
        foreach (var question in needs.OfType<Need.Rows>().Select(need => need.Item))
            found[question] = process.AskAsync(new StoreUse("", question.Store, times), question.Forms).GetAwaiter().GetResult();
        return found;
    }

    public void Dispose() => process.Dispose();
}
