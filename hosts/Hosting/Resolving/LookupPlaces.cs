using Dkim.Core.Dns;

namespace Dkim.Hosting.Resolving;

/// <summary>Places for the look-ups that wait for an answer at the same time: a bound for all, a share of it for each
/// domain (<see cref="LookupShare"/>). Domains that wait take turns. Where all places are taken and others wait, whoever
/// has held one for too long gives way, so that names which are never answered cannot hold up the rest.</summary>
/// <param name="most">How many there are.</param>
/// <param name="clock">What says how long one is held.</param>
internal sealed class LookupPlaces(int most, TimeProvider clock) : IDisposable
{
    private readonly Lock gate = new();
    private readonly Dictionary<string, Domain> domains = new(StringComparer.OrdinalIgnoreCase);

    // Domains that have somebody waiting and may have one more place.
    private readonly Queue<Domain> turns = new();

    // In the order in which they were taken.
    private readonly LinkedList<Place> taken = new();
    private int pruneAt = ResolverLimits.KnownDomains;
    private ITimer? watch;

    /// <summary>Waits for a place to look a name up.</summary>
    /// <param name="giveWay">Called when the place is wanted by others; the look-up should end.</param>
    public Task<Place> EnterAsync(string name, Action giveWay, CancellationToken cancellation)
    {
        var waiter = new Waiter(giveWay);
        lock (gate)
        {
            var domain = Find(LookupShareModule.parent(name));
            waiter.Node = domain.Waiting.AddLast(waiter);
            waiter.Domain = domain;
            Line(domain);
            Admit();
            Watch();
        }

        if (!waiter.Admitted.Task.IsCompleted && cancellation.CanBeCanceled)
        {
            waiter.Cancellation = cancellation.UnsafeRegister(_ => Abandon(waiter), null);
        }

        return waiter.Admitted.Task;
    }

    public void Dispose()
    {
        lock (gate)
        {
            watch?.Dispose();
            watch = null;
        }
    }

    private Domain Find(string name)
    {
        if (domains.TryGetValue(name, out var domain))
        {
            return domain;
        }

        if (domains.Count >= pruneAt)
        {
            foreach (var (idle, _) in domains.Where(entry => entry.Value.IsIdle).ToArray())
            {
                domains.Remove(idle);
            }

            pruneAt = Math.Max(ResolverLimits.KnownDomains, domains.Count * 2);
        }

        domains.Add(name, domain = new Domain(name, LookupShareModule.first(most)));
        return domain;
    }

    private void Line(Domain domain)
    {
        if (!domain.IsInLine && domain.Waiting.Count > 0 && LookupShareModule.admits(domain.Share))
        {
            domain.IsInLine = true;
            turns.Enqueue(domain);
        }
    }

    private void Admit()
    {
        while (taken.Count < most && turns.TryDequeue(out var domain))
        {
            domain.IsInLine = false;
            if (domain.Waiting.First is not { } first || !LookupShareModule.admits(domain.Share))
            {
                continue;
            }

            domain.Waiting.Remove(first);
            domain.Share = LookupShareModule.enter(domain.Share);
            var place = new Place(this, domain, first.Value.GiveWay) { Since = clock.Milliseconds() };
            place.Node = taken.AddLast(place);
            first.Value.Admitted.TrySetResult(place);
            Line(domain);
        }
    }

    private void Abandon(Waiter waiter)
    {
        lock (gate)
        {
            if (!waiter.Admitted.TrySetCanceled())
            {
                return;
            }

            waiter.Domain!.Waiting.Remove(waiter.Node!);
            Forget(waiter.Domain);
        }
    }

    private void Leave(Place place, LookupEnd ending)
    {
        lock (gate)
        {
            if (place.Node is not { } node)
            {
                return;
            }

            place.Node = null;
            taken.Remove(node);
            var domain = place.Domain;
            domain.Share = LookupShareModule.leave(most, ending, domain.Share);
            Line(domain);
            Admit();
            Forget(domain);
        }
    }

    private void Forget(Domain domain)
    {
        if (domain.IsIdle && LookupShareModule.isFresh(most, domain.Share))
        {
            domains.Remove(domain.Name);
        }
    }

    // Looks again when the oldest place has been held for too long.
    private void Watch()
    {
        if (watch is null && taken.Count >= most && turns.Count > 0)
        {
            var due = taken.First!.Value.Since + ResolverLimits.Hold - clock.Milliseconds();
            watch = clock.CreateTimer(
                _ => Clear(), null, TimeSpan.FromMilliseconds(Math.Max(1, due)), Timeout.InfiniteTimeSpan);
        }
    }

    private void Clear()
    {
        List<Place> late;
        lock (gate)
        {
            watch?.Dispose();
            watch = null;
            var before = clock.Milliseconds() - ResolverLimits.Hold;
            var wanted = taken.Count < most ? 0 : turns.Sum(domain => domain.Waiting.Count);
            late = [.. taken.TakeWhile(place => place.Since <= before).Take(wanted)];
        }

        foreach (var place in late)
        {
            place.GiveWay();
        }

        lock (gate)
        {
            Watch();
        }
    }

    /// <summary>A place that is held until the look-up is over.</summary>
    internal sealed class Place(LookupPlaces places, Domain domain, Action giveWay)
    {
        public Action GiveWay => giveWay;

        public Domain Domain => domain;

        public required long Since { get; init; }

        public LinkedListNode<Place>? Node { get; set; }

        /// <summary>Gives the place back, once.</summary>
        public void Leave(LookupEnd ending) => places.Leave(this, ending);
    }

    /// <summary>A domain with names that are looked up.</summary>
    internal sealed class Domain(string name, LookupShare share)
    {
        public string Name => name;

        public LookupShare Share { get; set; } = share;

        public LinkedList<Waiter> Waiting { get; } = new();

        public bool IsInLine { get; set; }

        public bool IsIdle => Share.Waiting == 0 && Waiting.Count == 0;
    }

    /// <summary>One who waits for a place.</summary>
    internal sealed class Waiter(Action giveWay)
    {
        public Action GiveWay => giveWay;

        public TaskCompletionSource<Place> Admitted { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public CancellationTokenRegistration Cancellation { get; set; }

        public Domain? Domain { get; set; }

        public LinkedListNode<Waiter>? Node { get; set; }
    }
}
