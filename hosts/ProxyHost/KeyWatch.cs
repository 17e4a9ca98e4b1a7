using Dkim.Core;
using Dkim.Hosting;

namespace Dkim.ProxyHost;

/// <summary>Notices when files that hold secrets change. A file that has become unreadable counts as
/// unchanged.</summary>
internal sealed class KeyWatch
{
    private readonly List<(WantedFile File, WatchedFile<byte[]> Content)> files = [];
    private readonly Dictionary<WantedFile, byte[]> seen = [];

    public KeyWatch(IEnumerable<WantedFile> secrets, Action<string> report)
    {
        foreach (var file in secrets)
        {
            files.Add((file, new WatchedFile<byte[]>(file.Path, Load, report)));
        }

        Changed();
    }

    /// <summary>True when a file has changed since the last call.</summary>
    public bool Changed()
    {
        var changed = false;
        foreach (var (file, content) in files)
        {
            if (TryRead(content) is { } octets && (!seen.TryGetValue(file, out var before) || before != octets))
            {
                seen[file] = octets;
                changed = true;
            }
        }

        return changed;
    }

    /// <summary>The files as of the last call of <see cref="Changed"/>.</summary>
    public IReadOnlyDictionary<WantedFile, FileContents> Contents => files.ToDictionary(
        entry => entry.File,
        entry => seen.TryGetValue(entry.File, out var octets)
            ? FileContents.Found(octets)
            : FileContents.Unreadable("cannot be read"));

    private static byte[] Load(string path) => PrivateFile.Read(path, Strictness.Warn).Octets;

    private static byte[]? TryRead(WatchedFile<byte[]> content)
    {
        try
        {
            return content.Current;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
