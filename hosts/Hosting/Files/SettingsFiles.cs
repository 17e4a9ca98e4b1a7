using Dkim.Core.Asking;
using Dkim.Core.Cryptography;
using Dkim.Core.Programs.Running;
using Dkim.Core.Programs.Settings;
using Dkim.Core.Stores;
using Dkim.Core.Words;
using Dkim.Hosting.Processes;

namespace Dkim.Hosting.Files;

/// <summary>Reads the files that the core wants. Relative paths start where the program did.</summary>
public sealed class SettingsFiles
{
    private const string StandardInput = "-";
    // One more, so that the core sees that it is too long.
    private const int MaxLength = FileContentsModule.Limit + 1;
    private const int MaxTable = FileContentsModule.TableLimit;
    private readonly Dictionary<WantedFile, byte[]> secrets = [];
    private readonly Dictionary<WantedFile, FileMark> marks = [];
    private Dictionary<WantedFile, HandedFile> given;
    private Dictionary<WantedFile, HandedFile>? left;

    public SettingsFiles()
        : this(Environment.CurrentDirectory, [])
    {
    }

    /// <param name="directory">Where relative paths start.</param>
    /// <param name="given">Files that another process has read for this one; the next start gets them.</param>
    /// <param name="left">Those of a later start of another process.</param>
    internal SettingsFiles(
        string directory,
        Dictionary<WantedFile, HandedFile> given,
        Dictionary<WantedFile, HandedFile>? left = null)
    {
        Directory = directory;
        this.given = given;
        this.left = left;
    }

    /// <summary>Where relative paths start.</summary>
    public string Directory { get; }

    /// <summary>The keys that the last start got as they once were, one line each: they cannot be read any more, mostly
    /// since the program has become another user.</summary>
    public List<string> Kept { get; } = [];

    /// <summary>Those keys, and whether they have changed.</summary>
    public List<KeptSecret> KeptSecrets { get; } = [];

    /// <summary>Every file of the last start, as it was read.</summary>
    public Dictionary<WantedFile, FileContents> Found { get; } = [];

    /// <summary>The files of the last start that hold secrets and could be read.</summary>
    public IEnumerable<WantedFile> Secrets =>
        Found.Where(pair => IsSecret(pair.Key) && pair.Value.Problem.IsNone).Select(pair => pair.Key);

    /// <summary>Reads a key that a table names, where a program has tables of keys.</summary>
    public Func<KeyPlace, KeyReading>? ReadKey { get; set; }

    /// <summary>Asks stores of data sets, where a program has some.</summary>
    public Func<IEnumerable<Need>, IReadOnlyDictionary<StoreQuestion, StoreAnswer>>? AskStores { get; set; }

    /// <summary>Brings a start, which needs nothing but files and such keys, to its end. Each file is read once.</summary>
    public TOutcome Run<TOutcome>(Step<TOutcome> start)
    {
        Kept.Clear();
        KeptSecrets.Clear();
        Found.Clear();
        var step = start;
        while (!step.IsDone)
        {
            var keys = new Dictionary<KeyPlace, KeyReading>();
            foreach (var need in step.Needs)
            {
                if (need is Need.File { Item: var file } && !Found.ContainsKey(file))
                    Found.Add(file, Read(file));
                else if (need is Need.Key { Item: var place } && ReadKey is not null)
                    keys[place] = ReadKey(place);
            }

            var nothing = Core.Asking.Found.Nothing;
            var rows = AskStores?.Invoke(step.Needs) ?? nothing.Rows;
            step = step.Go(new Found(nothing.Answers, nothing.Replies, Found, keys, rows, nothing.Logins, nothing.Reports));
        }

        given = [];
        return step.Value;
    }

    /// <summary>A file as it was when what was read of it last was read.</summary>
    public FileMark MarkOf(WantedFile file) => marks.GetValueOrDefault(file);

    /// <summary>A file as it is now, or why it cannot be read; that changes nothing of what the last start has found.</summary>
    public FileContents Now(WantedFile file)
    {
        try
        {
            return FileContents.Found(ReadNow(file));
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return FileContents.Unreadable(Reason(Located(file), failure.Message));
        }
    }

    /// <summary>The same of a secret; one that cannot be read any more, and is still the one that was read, as that.</summary>
    public FileContents NowOrSame(WantedFile file)
    {
        var contents = Now(file);
        return contents.Problem.IsSome && secrets.TryGetValue(file, out var octets)
            && MarkOf(file).ChangeTo(FileMark.Of(Located(file))) == SecretChange.Same
            ? FileContents.Found(octets)
            : contents;
    }

    /// <summary>Has a file count as what the last start has found.</summary>
    /// <param name="mark">The file as it was when it was read.</param>
    public void Take(WantedFile file, FileContents contents, FileMark mark)
    {
        Found[file] = contents;
        marks[file] = mark;
    }

    /// <summary>What the last start has found, to go back to where the next one is refused.</summary>
    public IReadOnlyList<HandedFile> Keep() => [.. Found.Select(pair => new HandedFile(pair.Key, pair.Value, MarkOf(pair.Key)))];

    /// <summary>Has this count as what the last start has found. Of secrets what was read last is known still.</summary>
    public void GoBackTo(IReadOnlyList<HandedFile> kept)
    {
        Found.Clear();
        foreach (var (file, contents, mark) in kept)
            Take(file, contents, IsSecret(file) ? MarkOf(file) : mark);
    }

    /// <summary>Where a wanted file is.</summary>
    public string Located(WantedFile file) => Path.Combine(Directory, file.Path);

    /// <summary>Whether a process before this one has left the files of a later start, which the next start then
    /// gets.</summary>
    public bool TakeLeft()
    {
        var any = left is not null;
        given = left ?? given;
        left = null;
        return any;
    }

    /// <summary>What is wrong with the owners and modes of files that hold secrets, one line each.</summary>
    /// <param name="account">Who serves with them; null where that is not known, since the service manager may start the
    /// service as somebody of whom neither the settings nor this process, which is root's, can tell.</param>
    public static IEnumerable<string> Warnings(IEnumerable<WantedFile> files, Account? account)
    {
        foreach (var file in files)
        {
            IReadOnlyList<string> warnings;
            try
            {
                warnings = PrivateFile.Read(file.Path, Strictness.Warn, account, ofServices: account is null).Warnings;
            }
            catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
            {
                continue; // the core has said so
            }

            foreach (var warning in warnings)
                yield return warning;
            if (account is null && PrivateFile.IsForRootAlone(file.Path))
            {
                yield return $"{file.Path}: root alone can read it; where a unit starts the service as another user, chgrp it "
                    + "to the group of that user and chmod 0640, or hand it over with LoadCredential=";
            }
        }
    }

    /// <summary>The files of the last start that this process may not read any more, one line each.</summary>
    public IEnumerable<string> Unreadable()
    {
        foreach (var file in Found.Where(pair => pair.Value.Problem.IsNone).Select(pair => pair.Key))
        {
            if (file.Path == StandardInput)
                continue;
            var problem = "";
            try
            {
                PrivateFile.ReadShared(Located(file), LongestOf(file));
            }
            catch (FileRefusedException failure)
            {
                problem = failure.Message;
            }

            if (problem.Length > 0)
                yield return problem;
        }
    }

    private static int LongestOf(WantedFile file) => file.Kind == FileKind.Table ? MaxTable : MaxLength;

    private static bool IsSecret(WantedFile file) => file.Kind is FileKind.PrivateKey or FileKind.Passphrase;

    private FileContents Read(WantedFile file)
    {
        if (given.TryGetValue(file, out var known))
        {
            if (IsSecret(file) && known.Contents.Problem.IsNone)
                secrets[file] = known.Contents.Octets.ToArray();
            marks[file] = known.Mark;
            return known.Contents;
        }

        // Looked at before it is read: a change in between is then seen as one more.
        var isTable = file.Kind == FileKind.Table;
        var mark = isTable || IsSecret(file) ? FileMark.Of(Located(file)) : default;
        var contents = Now(file);
        if (isTable || (IsSecret(file) && contents.Problem.IsNone))
            marks[file] = mark;
        if (contents.Problem.IsSome && IsSecret(file) && secrets.TryGetValue(file, out var octets))
        {
            var reason = contents.Problem.Value;
            Kept.Add($"{file.Path}: {reason}; the key stays as it was");
            KeptSecrets.Add(new KeptSecret(file.Path, reason, MarkOf(file).ChangeTo(FileMark.Of(Located(file)))));
            return FileContents.Found(octets);
        }

        return contents;
    }

    private byte[] ReadNow(WantedFile file)
    {
        if (file is { Path: StandardInput, Kind: FileKind.Configuration })
            return ReadStandardInput();
        if (!IsSecret(file))
            return PrivateFile.ReadShared(Located(file), LongestOf(file));
        secrets[file] = PrivateFile.Read(Located(file), Strictness.Warn).Octets;
        return secrets[file];
    }

    private static byte[] ReadStandardInput()
    {
        using var input = StandardStreams.OpenInput();
        var octets = new byte[MaxLength];
        var length = input.ReadAtLeast(octets, octets.Length, throwOnEndOfStream: false);
        return octets[..length];
    }

    private static string Reason(string path, string message)
    {
        var reason = message.StartsWith(path + ": ", StringComparison.Ordinal) ? message[(path.Length + 2)..] : message;
        return reason switch
        {
            "No such file or directory" => FileContentsModule.NotFound,
            "Permission denied" => "permission denied",
            _ => reason,
        };
    }
}
