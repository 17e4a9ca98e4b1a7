using Dkim.Core.Dns;
using Dkim.Hosting.Resolving;

namespace Dkim.Hosting.Names;

/// <summary>A source of DNS answers that another can take the place of. The one before is closed when its last question
/// has ended.</summary>
public sealed class SwappedResolver(IResolver first) : IResolver
{
    private volatile Source current = new(first);

    /// <summary>The source that is asked now.</summary>
    public IResolver Current => current.Resolver;

    public string Description => Current.Description;

    public IReadOnlyList<string> Warnings => Current.Warnings;

    public async ValueTask<Answer> AskAsync(Question question, CancellationToken cancellation)
    {
        var source = Enter();
        try
        {
            return await source.Resolver.AskAsync(question, cancellation).ConfigureAwait(false);
        }
        finally
        {
            source.Leave();
        }
    }

    public Answer? Find(Question question) => Current.Find(question);

    public CacheCounts? Counts => Current.Counts;

    public void Refresh() => Current.Refresh();

    /// <summary>Asks another source from now on.</summary>
    public void Replace(IResolver next) => Interlocked.Exchange(ref current, new Source(next)).Retire();

    public void Dispose() => Current.Dispose();

    private Source Enter()
    {
        for (; ; )
        {
            var source = current;
            if (source.TryEnter())
            {
                return source;
            }
        }
    }

    /// <summary>A source and how many questions it has not yet answered.</summary>
    private sealed class Source(IResolver resolver)
    {
        private readonly Lock gate = new();
        private int asked;
        private bool retired;

        public IResolver Resolver { get; } = resolver;

        public bool TryEnter()
        {
            lock (gate)
            {
                asked += retired ? 0 : 1;
                return !retired;
            }
        }

        public void Leave()
        {
            lock (gate)
            {
                if (--asked > 0 || !retired)
                {
                    return;
                }
            }

            Close();
        }

        public void Retire()
        {
            lock (gate)
            {
                retired = true;
                if (asked > 0)
                {
                    return;
                }
            }

            Close();
        }

        // libunbound ends its thread, which takes a moment that no thread of a connection has.
        private void Close() => _ = Task.Run(Resolver.Dispose);
    }
}
