namespace Dkim.Hosting;

/// <summary>What was made of a file, made anew when the file changes. Looking costs nothing more often than once a
/// second. A file that has become unreadable or wrong keeps its last good content.</summary>
/// <param name="load">Reads and parses the file; any exception counts as a failure.</param>
/// <param name="report">Called with one line when a changed file cannot be used, once for each change.</param>
public sealed class WatchedFile<T>(string path, Func<string, T> load, Action<string> report)
    where T : class
{
    private readonly Lock gate = new();
    private T? current;
    private FileFacts seen;
    private long nextLook;

    /// <summary>The content as of at most a second ago. Throws what <c>load</c> throws as long as nothing has been
    /// loaded yet.</summary>
    public T Current
    {
        get
        {
            if (current is { } content && Environment.TickCount64 < Volatile.Read(ref nextLook))
            {
                return content;
            }

            lock (gate)
            {
                return Look();
            }
        }
    }

    private T Look()
    {
        Volatile.Write(ref nextLook, Environment.TickCount64 + 1000);
        var found = FileFacts.TryRead(path, followLinks: true, out var facts);
        var same = (facts.Device, facts.Inode, facts.Size, facts.Modified)
            == (seen.Device, seen.Inode, seen.Size, seen.Modified);
        if (current is { } content && same)
        {
            return content;
        }

        // Noted before it is read: a change in between is then seen as one more.
        seen = facts;
        try
        {
            return current = load(path);
        }
        catch (Exception failure) when (current is not null)
        {
            report(found
                ? $"{path}: the changed file cannot be used, the one before stays in force: {failure.Message}"
                : $"{path}: the file is gone, its last content stays in force");
            return current;
        }
    }
}
