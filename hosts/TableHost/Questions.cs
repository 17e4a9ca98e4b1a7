using Dkim.Core.Stores;
using Microsoft.FSharp.Collections;

namespace Dkim.TableHost;

/// <summary>The stores that were opened, and the questions that are put to them, of which each has an answer in the time of
/// its store. A store that hangs keeps no other waiting.</summary>
internal sealed class Questions(TimeProvider clock) : IAsyncDisposable
{
    // So many questions at once, each with a connection.
    private const int Most = 4;

    // In milliseconds: an hour.
    private const int LongestTime = 3600_000;

    private readonly Dictionary<int, Opened> stores = [];

    /// <summary>Carries out a command; does not wait.</summary>
    /// <param name="reply">Takes the answer of a question, from any thread.</param>
    public void Do(StoreCommand command, Action<StoreReply> reply)
    {
        switch (command)
        {
            case StoreCommand.Open open:
                Close(open.store);
                stores[open.store] = new Opened(open.place, TimeSpan.FromMilliseconds(Math.Clamp(open.timeout, 1, LongestTime)));
                break;
            case StoreCommand.Close close:
                Close(close.store);
                break;
            case StoreCommand.Ask ask:
                _ = AnswerAsync(ask, reply);
                break;
        }
    }

    public async ValueTask DisposeAsync()
    {
        // A driver that hangs ends with the process.
        var all = Task.WhenAll(stores.Values.Select(opened => opened.DisposeAsync().AsTask()));
        await Task.WhenAny(all, Task.Delay(TimeSpan.FromSeconds(1), clock)).ConfigureAwait(false);
    }

    private void Close(int store)
    {
        if (stores.Remove(store, out var closed))
            _ = closed.DisposeAsync().AsTask();
    }

    private async Task AnswerAsync(StoreCommand.Ask ask, Action<StoreReply> reply)
    {
        var answer = stores.TryGetValue(ask.store, out var opened)
            ? await AskAsync(opened, ask.forms).ConfigureAwait(false)
            : StoreAnswer.NewUnavailable("it was not opened");
        reply(new StoreReply(ask.request, answer));
    }

    private async Task<StoreAnswer> AskAsync(Opened opened, FSharpList<string> asked)
    {
        // What no table has no engine is asked for: some refuse it, and to a service of lines a line end would be two questions.
        var forms = StoreQuestionModule.ofForms(opened.Place, asked).Forms;
        if (forms.IsEmpty && !asked.IsEmpty)
            return StoreAnswer.NewRows(FSharpList<StoreRow>.Empty);
        using var end = new CancellationTokenSource(opened.Timeout, clock);
        try
        {
            await opened.Turns.WaitAsync(end.Token).ConfigureAwait(false);
            // Some drivers do not come back when they are told to.
            var asking = Task.Run(() => opened.Store.AskAsync(forms, end.Token), CancellationToken.None);
            _ = asking.ContinueWith(
                ended =>
                {
                    _ = ended.Exception;
                    opened.Turns.Release();
                },
                TaskScheduler.Default);
            return await asking.WaitAsync(end.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            return StoreAnswer.NewUnavailable($"timed out after {opened.Timeout.TotalSeconds:0.###} s");
        }
        catch (Exception failure)
        {
            return StoreAnswer.NewUnavailable(end.IsCancellationRequested
                ? $"timed out after {opened.Timeout.TotalSeconds:0.###} s"
                : Reasons.Of(failure));
        }
    }

    /// <summary>A store is made by the first question: what it cannot be made of is an answer, too.</summary>
    private sealed class Opened(Store place, TimeSpan timeout) : IAsyncDisposable
    {
        private readonly Lazy<IStore> store = new(() => Stores.Open(place, timeout), LazyThreadSafetyMode.PublicationOnly);

        public Store Place => place;

        public IStore Store => store.Value;

        public SemaphoreSlim Turns { get; } = new(Most);

        public TimeSpan Timeout => timeout;

        public ValueTask DisposeAsync() => store.IsValueCreated ? store.Value.DisposeAsync() : default;
    }
}
