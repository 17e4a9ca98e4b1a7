using Dkim.Core.Programs.Running;
using Dkim.Hosting.Listening;
using Dkim.Hosting.Logging;
using Dkim.Hosting.Names;
using Dkim.Hosting.Sockets;

namespace Dkim.Hosting.Service;

/// <summary>A program that <see cref="ServiceMain"/> starts: the steps that are its own, in the order in which they are
/// taken. Each may end the start by a <see cref="StartupException"/>.</summary>
public interface IServiceProgram
{
    ServicePlan Plan { get; }

    /// <summary>Why there is no start, in a line with the place of the setting.</summary>
    string Describe(StartupException failure);

    /// <summary>The exit code of a start that failed.</summary>
    int ExitCodeOf(StartupFault fault);

    /// <summary>Mode and owners of a Unix socket.</summary>
    LocalSocketSettings SocketSettings() => new();

    /// <summary>Where its questions go.</summary>
    ResolverSource Resolver { get; }

    /// <summary>The last steps with the rights that the program was started with.</summary>
    /// <param name="ready">Lets go of the terminal; for what makes that impossible later.</param>
    void BeforeDrop(Action ready);

    /// <summary>The log, opened with the rights of the account.</summary>
    SwappedLog OpenLog();

    /// <summary>The first steps with the rights of the account. A supervisor takes them, too.</summary>
    void AfterDrop(SwappedLog log)
    {
    }

    /// <summary>Makes what serves. Nothing can fail after that: who started the program is told that it is up.</summary>
    IServing Begin(ServiceParts parts);
}

/// <summary>What every service is given.</summary>
public sealed record ServiceParts(SwappedLog Log, SwappedResolver Resolver)
{
    /// <summary>Asks as another configuration says. A source that is the same stays, with what it knows.</summary>
    /// <exception cref="StartupException">It cannot be used; nothing has changed.</exception>
    public void Follow(ResolverSource before, ResolverSource next)
    {
        if (before.IsSame(next))
        {
            Resolver.Refresh();
            return;
        }

        Resolver.Replace(next.Open(Log.Warning));
        foreach (var warning in Resolver.Warnings)
            Log.Warning(warning);
    }
}

/// <summary>A service that is up. What it holds is disposed of at its end, where it can be.</summary>
public interface IServing
{
    /// <summary>Logs what is to be known of the start.</summary>
    void Announce();

    /// <summary>How many connections to serve at once; others wait.</summary>
    int MostConnections();

    /// <summary>Serves one connection, from a thread of the reactor.</summary>
    /// <param name="open">Where it is to be served, so that it is told of time and of the end.</param>
    Task ServeAsync(StreamSocket client, OpenConnections open);

    /// <summary>What goes on beside the connections until the service stops.</summary>
    Task WatchAsync(CancellationToken stop);

    /// <summary>Reads the configuration again.</summary>
    /// <returns>Why all stays as it was, in a line, which has been logged; null where the new one is in force.</returns>
    ValueTask<string?> ReloadAsync();

    /// <summary>Logs that it has ended.</summary>
    void End()
    {
    }
}
