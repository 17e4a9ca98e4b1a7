using System.Text;
using Dkim.Core.Dns;
using Dkim.Hosting.Files;
using Dkim.Hosting.Resolving;

namespace Dkim.Hosting.Names;

/// <summary>Asks the servers of resolv.conf as it is now: the file is looked at once a second while there are questions,
/// and another resolver takes over when it says something else. Where a setting names the servers, they stay.</summary>
public sealed class WatchedResolver : IResolver
{
    private const string Path = "/etc/resolv.conf";

    private readonly ResolverSettings settings;
    private readonly Action<string> report;
    private readonly SwappedResolver current;
    private readonly Lock gate = new();
    private readonly bool follows;
    private FileFacts seen;
    private string? text;
    private long nextLook;

    internal WatchedResolver(ResolverSettings settings, Action<string> report)
    {
        this.settings = settings;
        this.report = report;
        follows = settings.Forwarders.Count == 0;
        if (follows)
        {
            Note();
            text = Read();
        }

        current = new SwappedResolver(Resolvers.Open(settings, text, out var warnings));
        Warnings = warnings;
    }

    public string Description => current.Description;

    public IReadOnlyList<string> Warnings { get; }

    public ValueTask<Answer> AskAsync(Question question, CancellationToken cancellation)
    {
        if (follows && settings.Clock.Milliseconds() >= Volatile.Read(ref nextLook))
        {
            Look();
        }

        return current.AskAsync(question, cancellation);
    }

    public Answer? Find(Question question) => current.Find(question);

    public CacheCounts? Counts => current.Counts;

    /// <summary>Reads resolv.conf again, changed or not.</summary>
    public void Refresh()
    {
        if (follows)
        {
            lock (gate)
            {
                Note();
                Follow();
            }
        }
    }

    public void Dispose() => current.Dispose();

    private void Look()
    {
        lock (gate)
        {
            if (settings.Clock.Milliseconds() < nextLook)
            {
                return;
            }

            var before = seen;
            Note();
            if ((before.Device, before.Inode, before.Size, before.Modified) != (seen.Device, seen.Inode, seen.Size, seen.Modified))
            {
                Follow();
            }
        }
    }

    // Noted before it is read: a change in between is then seen as one more.
    private void Note()
    {
        Volatile.Write(ref nextLook, settings.Clock.Milliseconds() + ResolverLimits.ResolvConfPause);
        _ = FileFacts.TryRead(Path, followLinks: true, out seen);
    }

    private void Follow()
    {
        // A file that is gone, or that this user or root directory does not see, leaves things as they are.
        if (Read() is not { } found || found == text)
        {
            return;
        }

        text = found;
        try
        {
            current.Replace(Resolvers.Open(settings, found, out _));
        }
        catch (StartupException failure)
        {
            report($"{Path} has changed, and the servers that it named before go on to be asked: {failure.Message}");
        }
    }

    private static string? Read()
    {
        try
        {
            using var file = new FileStream(Path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, 0);
            var octets = new byte[ResolverLimits.ResolvConfOctets];
            return Encoding.Latin1.GetString(octets, 0, file.ReadAtLeast(octets, ResolverLimits.ResolvConfOctets, throwOnEndOfStream: false));
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
