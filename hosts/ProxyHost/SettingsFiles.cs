using Dkim.Core;
using Dkim.Hosting;

namespace Dkim.ProxyHost;

/// <summary>Reads the files that the core wants.</summary>
internal sealed class SettingsFiles
{
    private const int MaxLength = (16 << 20) + 1;
    private readonly Dictionary<WantedFile, byte[]> secrets = [];

    /// <summary>The keys that the last start got as they once were, one line each: they cannot be read any more, mostly
    /// since the program has become another user.</summary>
    public List<string> Kept { get; } = [];

    /// <summary>Brings a start to its end.</summary>
    public ProxyStart Supply(ProxyStart start)
    {
        Kept.Clear();
        while (start.Wanted is { IsEmpty: false } wanted)
            start = start.Supply(wanted.ToDictionary(file => file, Read));
        return start;
    }

    /// <summary>What is wrong with the owners and modes of files that hold secrets, one line each.</summary>
    public static IEnumerable<string> Warnings(IEnumerable<WantedFile> files, Account account)
    {
        foreach (var file in files)
        {
            IReadOnlyList<string> warnings;
            try
            {
                warnings = PrivateFile.Read(file.Path, Strictness.Warn, account).Warnings;
            }
            catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
            {
                continue; // the core has said so
            }

            foreach (var warning in warnings)
                yield return warning;
        }
    }

    private FileContents Read(WantedFile file)
    {
        var secret = file.Kind is FileKind.PrivateKey or FileKind.Passphrase;
        try
        {
            var octets = secret
                ? PrivateFile.Read(file.Path, Strictness.Warn).Octets
                : PrivateFile.ReadShared(file.Path, MaxLength);
            if (secret)
                secrets[file] = octets;
            return FileContents.Found(octets);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            var reason = Reason(file.Path, failure.Message);
            if (!secret || !secrets.TryGetValue(file, out var octets))
                return FileContents.Unreadable(reason);
            Kept.Add($"{file.Path}: {reason}; the key stays as it was");
            return FileContents.Found(octets);
        }
    }

    private static string Reason(string path, string message)
    {
        var reason = message.StartsWith(path + ": ", StringComparison.Ordinal) ? message[(path.Length + 2)..] : message;
        return reason switch
        {
            "No such file or directory" => "file not found",
            "Permission denied" => "permission denied",
            _ => reason,
        };
    }
}
