using Dkim.Core.Stores;
using Dkim.Hosting.Stores;
using Microsoft.Extensions.Time.Testing;
using Microsoft.FSharp.Collections;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Hosting;

/// <summary>What is kept of a store's answers, and what is answered while it is down.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class StoreAnswersTests
{
    private static readonly Store store = Store.NewLines("127.0.0.1", 1);
    private readonly FakeTimeProvider clock = new();
    private readonly List<string> log = [];
    private readonly List<string[]> questions = [];
    private readonly Dictionary<string, string> rows = new() { ["a"] = "1" };
    private Func<Task> before = () => Task.CompletedTask;
    private string? problem;
    private readonly StoreAnswers answers;

    public StoreAnswersTests() =>
        answers = new StoreAnswers(new StoreUse("KeyTable", store, StoreRules.defaults), PutAsync, clock, line =>
        {
            lock (log)
                log.Add(line);
        });

    [Test]
    public async Task A_row_counts_for_its_time_and_is_then_asked_for_again()
    {
        Assert.That(await AskAsync("a"), Is.EqualTo("a=1"));
        rows["a"] = "2";
        Assert.That(await AskAsync("a"), Is.EqualTo("a=1"));
        clock.Advance(TimeSpan.FromSeconds(61));
        Assert.That(await AskAsync("a"), Is.EqualTo("a=2"));
        Assert.That(questions, Has.Count.EqualTo(2));
    }

    [Test]
    public async Task That_there_is_no_row_counts_for_ten_seconds()
    {
        Assert.That(await AskAsync("b"), Is.Empty);
        rows["b"] = "1";
        clock.Advance(TimeSpan.FromSeconds(7));
        Assert.That(await AskAsync("b"), Is.Empty);
        clock.Advance(TimeSpan.FromSeconds(4));
        Assert.That(await AskAsync("b"), Is.EqualTo("b=1"));
    }

    [Test]
    public async Task Only_what_is_not_known_is_asked_for()
    {
        await AskAsync("a");
        Assert.That(await AskAsync("a", "b"), Is.EqualTo("a=1"));
        Assert.That(questions[1], Is.EqualTo(new[] { "b" }));
    }

    [Test]
    public async Task A_row_in_use_is_asked_for_before_its_time_is_over()
    {
        await AskAsync("a");
        rows["a"] = "2";
        clock.Advance(TimeSpan.FromSeconds(50));
        Assert.That(await AskAsync("a"), Is.EqualTo("a=1"));
        await UntilAsync(() => questions.Count == 2);
        clock.Advance(TimeSpan.FromSeconds(11));
        Assert.That(await AskAsync("a"), Is.EqualTo("a=2"));
        Assert.That(questions, Has.Count.EqualTo(2));
    }

    [Test]
    public async Task Many_that_wait_for_the_same_ask_once()
    {
        var gate = new TaskCompletionSource();
        before = () => gate.Task;
        var waiting = Enumerable.Range(0, 100).Select(_ => AskAsync("a")).ToArray();
        gate.SetResult();
        Assert.That(await Task.WhenAll(waiting), Is.All.EqualTo("a=1"));
        Assert.That(questions, Has.Count.EqualTo(1));
    }

    [Test]
    public async Task While_it_is_down_old_rows_count_for_an_hour()
    {
        await AskAsync("a");
        problem = "connection refused";
        clock.Advance(TimeSpan.FromMinutes(50));
        Assert.That(await AskAsync("a"), Is.EqualTo("a=1"));
        clock.Advance(TimeSpan.FromMinutes(11));
        Assert.That(await AskAsync("a"), Is.EqualTo("connection refused"));
    }

    [Test]
    public async Task While_it_is_down_nobody_waits()
    {
        problem = "timed out";
        Assert.That(await AskAsync("a"), Is.EqualTo("timed out"));
        before = () => new TaskCompletionSource().Task;
        clock.Advance(TimeSpan.FromSeconds(2));
        // Each would find out whether it is back; one alone does, and that one does not wait either.
        for (var count = 0; count < 10; count++)
            Assert.That(answers.AskAsync(ListModule.OfSeq(["a" + count])).AsTask().IsCompleted);
        await UntilAsync(() => questions.Count == 2);
        Assert.That(questions, Has.Count.EqualTo(2));
    }

    [Test]
    public async Task The_log_tells_once_when_it_goes_and_once_when_it_is_back()
    {
        problem = "connection refused";
        for (var second = 0; second < 20; second++)
        {
            await AskAsync("a");
            clock.Advance(TimeSpan.FromSeconds(1));
            await UntilAsync(() => true);
        }

        problem = null;
        clock.Advance(TimeSpan.FromSeconds(31));
        await AskAsync("a");
        await UntilAsync(() => log.Count == 2);
        Assert.That(await AskAsync("a"), Is.EqualTo("a=1"));
        Assert.That(log, Is.EqualTo(new[]
        {
            "table KeyTable: server down (connection refused), using cached answers",
            "table KeyTable: server back after 51 s",
        }));
    }

    [Test]
    public async Task Without_a_time_every_message_asks()
    {
        var times = new StoreTimes(TimeSpan.Zero, TimeSpan.Zero, StoreRules.defaults.Stale, StoreRules.defaults.Timeout);
        var always = new StoreAnswers(new StoreUse("KeyTable", store, times), PutAsync, clock, _ => { });
        for (var count = 0; count < 3; count++)
            Assert.That(Shown(await always.AskAsync(ListModule.OfSeq(["a"]))), Is.EqualTo("a=1"));
        Assert.That(questions, Has.Count.EqualTo(3));
    }

    private async Task<StoreAnswer> PutAsync(FSharpList<string> forms)
    {
        lock (questions)
            questions.Add([.. forms]);
        await before().ConfigureAwait(false);
        return problem is { } reason
            ? StoreAnswer.NewUnavailable(reason)
            : StoreAnswer.NewRows(ListModule.OfSeq(
                forms.Where(rows.ContainsKey).Select(form => new StoreRow(form, ListModule.OfSeq([rows[form]])))));
    }

    private async Task<string> AskAsync(params string[] forms) =>
        Shown(await answers.AskAsync(ListModule.OfSeq(forms)).ConfigureAwait(false));

    private static string Shown(StoreAnswer answer) => answer switch
    {
        StoreAnswer.Rows found => string.Join(" ", found.Item.Select(row => $"{row.Form}={row.Fields.Head}")),
        _ => ((StoreAnswer.Unavailable)answer).reason,
    };

    private static async Task UntilAsync(Func<bool> holds)
    {
        for (var count = 0; count < 500 && !holds(); count++)
            await Task.Delay(10);
        Assert.That(holds());
        // What else runs beside has had its turn.
        await Task.Delay(20);
    }
}
