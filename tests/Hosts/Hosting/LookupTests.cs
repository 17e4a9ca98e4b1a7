using Dkim.Core.Dns;
using Dkim.Hosting;
using Microsoft.Extensions.Time.Testing;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Hosting;

/// <summary>The lookups of a message, and key files.</summary>
public sealed class LookupTests
{
    [Test]
    public async Task A_question_is_asked_once_over_all_rounds()
    {
        using var resolver = new Counting(_ => Answer.Found(["v"], Security.Secure));
        var lookups = new MessageLookups(resolver, LookupBudgetModule.ofQuestions(20, 10));
        var first = await lookups.AskAsync([Txt("a"), Txt("a"), new Question("a", RecordType.Mx)]);
        var second = await lookups.AskAsync([Txt("a"), Txt("b")]);
        Assert.That(first[Txt("a")], Is.EqualTo(Answer.Found(["v"], Security.Secure)));
        Assert.That(second.Keys, Is.SupersetOf(new[] { Txt("a"), Txt("b") }));
        Assert.That(resolver.Asked, Is.EquivalentTo(new[] { Txt("a"), new Question("a", RecordType.Mx), Txt("b") }));
    }

    [Test]
    [Category("RFC6376-8.4-1")]
    public async Task Questions_over_the_budget_are_not_asked()
    {
        using var resolver = new Counting(_ => Answer.Found(["v"], Security.Unchecked));
        var lookups = new MessageLookups(resolver, LookupBudgetModule.ofQuestions(20, 10));
        await lookups.AskAsync([.. Enumerable.Range(0, 15).Select(i => Txt($"n{i}"))]);
        var answers = await lookups.AskAsync([.. Enumerable.Range(15, 10).Select(i => Txt($"n{i}"))]);
        Assert.That(resolver.Asked, Has.Count.EqualTo(20));
        Assert.That(answers.Values.Count(answer => answer.Outcome.IsRecords), Is.EqualTo(20));
        Assert.That(answers[Txt("n24")], Is.EqualTo(Answer.Unavailable("too many queries")));
    }

    [Test]
    [Category("RFC6376-8.4-1")]
    public async Task Questions_over_the_budget_are_not_answered_though_their_answers_are_known()
    {
        using var resolver = new Knowing(Answer.Found(["v"], Security.Unchecked));
        var lookups = new MessageLookups(resolver, LookupBudgetModule.ofQuestions(20, 10));
        foreach (var i in Enumerable.Range(0, 21))
        {
            await lookups.AskAsync([Txt($"n{i}")]);
        }

        var answers = await lookups.AskAsync([Txt("n19"), Txt("n20")]);
        Assert.That(answers[Txt("n19")].Outcome.IsRecords);
        Assert.That(answers[Txt("n20")], Is.EqualTo(Answer.Unavailable("too many queries")));
    }

    [Test]
    public async Task Nothing_is_thrown()
    {
        using var resolver = new Counting(question => question.Name == "bad"
            ? throw new InvalidOperationException()
            : Answer.NoSuchName(Security.Unchecked));
        var lookups = new MessageLookups(resolver, LookupBudgetModule.ofQuestions(20, 10));
        var answers = await lookups.AskAsync([Txt("bad"), Txt("good")]);
        Assert.That(answers[Txt("bad")].Outcome.IsUnavailable);
        Assert.That(answers[Txt("good")].Outcome.IsNoSuchName);
        using var cancelled = new CancellationTokenSource();
        await cancelled.CancelAsync();
        answers = await lookups.AskAsync([Txt("late")], cancelled.Token);
        Assert.That(answers[Txt("late")], Is.EqualTo(Answer.Unavailable("timeout")));
    }

    [Test]
    public async Task A_resolver_that_never_ends_does_not_matter()
    {
        using var resolver = new Deaf();
        var clock = new FakeTimeProvider();
        var lookups = new MessageLookups(resolver, LookupBudgetModule.ofQuestions(20, 10), clock);
        var first = lookups.AskAsync([Txt("a")]);
        clock.Advance(TimeSpan.FromSeconds(9));
        Assert.That(first.IsCompleted, Is.False);
        clock.Advance(TimeSpan.FromSeconds(1));
        Assert.That((await first)[Txt("a")], Is.EqualTo(Answer.Unavailable("timeout")));

        // The time of a message is spent once, not once a round.
        Assert.That((await lookups.AskAsync([Txt("b")]))[Txt("b")], Is.EqualTo(Answer.Unavailable("timeout")));
    }

    [Test]
    public async Task A_key_file_replaces_the_DNS()
    {
        const string Text = """
            # keys of a test

            s1._domainkey.Example.COM   v=DKIM1; p=abc def
            two.example	first
              two.example. second
            eight.example caf\u00e9
            """;
        using var resolver = KeyFileResolver.Read(Text.Replace("\\u00e9", "\u00e9"), "keys");
        Assert.That(await Records(resolver, "S1._domainkey.example.com"), Is.EqualTo(new[] { "v=DKIM1; p=abc def" }));
        Assert.That(await Records(resolver, "two.example"), Is.EqualTo(new[] { "first", "second" }));
        Assert.That(await Records(resolver, "eight.example"), Is.EqualTo(new[] { "caf\u00e9" }));
        Assert.That((await resolver.AskAsync(Txt("example.com"), default)).Outcome.IsNoSuchName);
        Assert.That((await resolver.AskAsync(new Question("two.example", RecordType.Mx), default)).Outcome.IsRecords);
    }

    [Test]
    public void A_line_of_a_key_file_without_a_record_is_named() => Assert.That(
        () => KeyFileResolver.Read("a b\n\nlonely\n", "keys"),
        Throws.InstanceOf<FormatException>().With.Message.StartsWith("keys:3:"));

    [Test]
    public void The_cache_is_bounded()
    {
        var cache = new AnswerCache(TimeProvider.System, maxEntries: 3, maxCharacters: 1000);
        for (var i = 0; i < 5; i++)
        {
            cache.Keep(Txt($"n{i}"), new TimedAnswer(Answer.Found(["v"], Security.Unchecked), 60));
        }

        Assert.That(
            Enumerable.Range(0, 5).Select(i => cache.Find(Txt($"n{i}")) is not null),
            Is.EqualTo(new[] { false, false, true, true, true }));
        cache.Keep(Txt("big"), new TimedAnswer(Answer.Found([new string('x', 998)], Security.Unchecked), 60));
        Assert.That(cache.Find(Txt("n4")), Is.Null);
    }

    [Test]
    public void The_cache_counts_what_it_was_asked()
    {
        var clock = new FakeTimeProvider();
        var cache = new AnswerCache(clock);
        cache.Miss(Txt("a"));
        cache.Keep(Txt("a"), new TimedAnswer(Answer.Found(["v"], Security.Unchecked), 60));
        Assert.That(cache.Find(Txt("a")), Is.Not.Null);
        clock.Advance(TimeSpan.FromSeconds(60));
        Assert.That(cache.Find(Txt("a")), Is.Null);
        cache.Miss(Txt("a"));
        Assert.That(cache.Counts, Is.EqualTo(new CacheCounts(Queries: 3, Hits: 1, Expired: 1, Kept: 1)));
    }

    // An hour is the most, whatever a record says.
    [TestCase(60, 60)]
    [TestCase(3600, 3600)]
    [TestCase(86_400, 3600)]
    public void An_answer_is_kept_for_its_time_to_live(int timeToLive, int kept)
    {
        var clock = new FakeTimeProvider();
        var cache = new AnswerCache(clock);
        cache.Keep(Txt("a"), new TimedAnswer(Answer.Found(["v"], Security.Unchecked), timeToLive));
        clock.Advance(TimeSpan.FromSeconds(kept - 1));
        Assert.That(cache.Find(Txt("a")), Is.Not.Null);
        clock.Advance(TimeSpan.FromSeconds(1));
        Assert.That(cache.Find(Txt("a")), Is.Null);
    }

    [Test]
    [Category("RFC6376-8.4-1")]
    public void What_is_not_certain_is_not_kept()
    {
        var cache = new AnswerCache(TimeProvider.System);
        cache.Keep(Txt("gone"), new TimedAnswer(Answer.Found(["v"], Security.Unchecked), 0));
        cache.Keep(Txt("bogus"), new TimedAnswer(Answer.Found(["v"], Security.Bogus), 60));
        cache.Keep(Txt("failed"), new TimedAnswer(Answer.Unavailable("SERVFAIL"), 60));
        cache.Keep(Txt("kept"), new TimedAnswer(Answer.NoSuchName(Security.Secure), 60));
        string[] names = ["gone", "bogus", "failed", "kept"];
        Assert.That(names.Where(name => cache.Find(Txt(name)) is not null), Is.EqualTo(new[] { "kept" }));
    }

    private static Question Txt(string name) => new(name, RecordType.Txt);

    private static async Task<string[]> Records(KeyFileResolver resolver, string name) =>
        [.. ((Outcome.Records)(await resolver.AskAsync(Txt(name), default)).Outcome).Item];

    private sealed class Counting(Func<Question, Answer> answer) : IResolver
    {
        public List<Question> Asked { get; } = [];

        public string Description => "";

        public ValueTask<Answer> AskAsync(Question question, CancellationToken cancellation)
        {
            cancellation.ThrowIfCancellationRequested();
            Asked.Add(question);
            return ValueTask.FromResult(answer(question));
        }

        public void Dispose()
        {
        }
    }

    private sealed class Knowing(Answer answer) : IResolver
    {
        public string Description => "";

        public ValueTask<Answer> AskAsync(Question question, CancellationToken cancellation) => ValueTask.FromResult(answer);

        public Answer? Find(Question question) => answer;

        public void Dispose()
        {
        }
    }

    private sealed class Deaf : IResolver
    {
        public string Description => "";

        public ValueTask<Answer> AskAsync(Question question, CancellationToken cancellation) =>
            new(new TaskCompletionSource<Answer>().Task);

        public void Dispose()
        {
        }
    }
}
