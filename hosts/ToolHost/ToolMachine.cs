using System.Net;
using System.Runtime.Versioning;
using System.Security.Cryptography;
using System.Text;
using Dkim.Core.Asking;
using Dkim.Core.Dns;
using Dkim.Core.MailFiles;
using Dkim.Core.Programs.Running;
using Dkim.Core.Programs.Settings;
using Dkim.Core.Programs.Tool.Running;
using Dkim.Core.Stores;
using Dkim.Core.Words;
using Dkim.Hosting;
using Dkim.ToolHost.Demo;
using Microsoft.FSharp.Collections;
using Microsoft.FSharp.Core;

[assembly: SupportedOSPlatform("linux")]

namespace Dkim.ToolHost;

/// <summary>Carries out what a command does: files, standard streams, DNS and random numbers.</summary>
internal sealed class ToolMachine : IToolHost, IDisposable
{
    private const int ReadLimit = FileContentsModule.MessageLimit;
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private readonly Stream output = new BufferedStream(StandardStreams.OpenOutput(), 65536);
    private readonly ProgressLine progress = new(TimeProvider.System);
    private WatchedResolver? resolver;
    private ManyLookups? many;
    private StoreLookups? stores;

    public Found Find(FSharpValueOption<ToolResolver> settings, FSharpList<Need> needs)
    {
        var files = new Dictionary<WantedFile, FileContents>();
        var questions = new List<Question>();
        var directly = new List<DirectQuestion>();
        foreach (var need in needs)
        {
            if (need is Need.File { Item: var file })
            {
                files.TryAdd(file, Read(file));
            }
            else if (need is Need.Lookup { Item: var question })
            {
                questions.Add(question);
            }
            else if (need is Need.Direct { Item: var direct })
            {
                directly.Add(direct);
            }
        }

        if (needs.Any(need => need.IsRows))
            return Found.OfRows(Stores.Ask(needs, StoreRules.defaults));
        if (settings.IsSome && directly.Count > 0)
        {
            return Found.OfReplies(DirectClient.AskAsync(directly, DirectLimits.wait(settings.Value.Timeout)).GetAwaiter().GetResult());
        }

        return settings.IsSome && questions.Count > 0
            ? Found.OfAnswers(LookUp(settings.Value, questions))
            : Found.OfFiles(files);
    }

    // Most commands need none.
    private StoreLookups Stores => stores ??= new StoreLookups(null, TimeProvider.System, StandardStreams.ComplainLine);

    private FileContents Read(WantedFile file)
    {
        try
        {
            return file.Kind switch
            {
                FileKind.PrivateKey or FileKind.Passphrase => ReadSecret(file.Path),
                FileKind.Listed => FileContents.Found(PrivateFile.ReadShared(file.Path, ReadLimit)),
                _ => ReadAny(file.Path),
            };
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return FileContents.Unreadable(Describe(file.Path, failure));
        }
    }

    public IMailSource OpenMail(WantedFile file) => new MailSource(
        () => file.Kind == FileKind.Listed ? PrivateFile.OpenShared(file.Path) : OpenAny(file.Path),
        failure => Describe(file.Path, failure));

    public FSharpValueOption<FolderListing> List(string path) =>
        Directory.Exists(path)
            ? FSharpValueOption<FolderListing>.NewValueSome(Folder.List(path))
            : FSharpValueOption<FolderListing>.None;

    public Found LookUpAll(ToolResolver settings, FSharpList<Question> questions)
    {
        resolver ??= Open(settings);
        many ??= new ManyLookups(resolver, LookupBudgetModule.timeOf(settings.Timeout), TimeProvider.System);
        var asked = questions.ToArray();
        void Told(int answered) => progress.Tell(ToolProgress.NewAsking(answered, asked.Length));
        return Found.OfAnswers(many.AskAsync(asked, Told).GetAwaiter().GetResult());
    }

    public void Tell(ToolProgress told) => progress.Tell(told);

    public void Watch(Action work, Func<ToolProgress> told) => progress.Watch(work, told);

    private IReadOnlyDictionary<Question, Answer> LookUp(ToolResolver settings, List<Question> questions)
    {
        resolver ??= Open(settings);
        var budget = LookupBudgetModule.ofQuestions(questions.Count, settings.Timeout);
        return new MessageLookups(resolver, budget).AskAsync(questions).GetAwaiter().GetResult();
    }

    public FileContents Run(string program, string[] arguments) => OtherProgram.Run(program, arguments);

    public byte[] Draw(int octets) => RandomNumberGenerator.GetBytes(octets);

    public FSharpValueOption<string> Create(NewFile file)
    {
        try
        {
            // CreateNew is O_EXCL: it follows no link and replaces nothing.
            var options = new FileStreamOptions
            {
                Mode = FileMode.CreateNew,
                Access = FileAccess.Write,
                UnixCreateMode = file.Secret ? OwnerOnly : OwnerOnly | UnixFileMode.GroupRead | UnixFileMode.OtherRead,
            };
            using var stream = new FileStream(file.Path, options);
            stream.Write(file.Contents.Span);
            stream.Flush(flushToDisk: true);
            return FSharpValueOption<string>.None;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return FSharpValueOption<string>.NewValueSome(Describe(file.Path, failure));
        }
    }

    public FSharpValueOption<string> Replace(string path, ReadOnlyMemory<byte> octets)
    {
        // What is no plain file stays: a device, a pipe, a link to one that means another place.
        if (FileFacts.TryRead(path, followLinks: false, out var facts) && !facts.IsRegular)
        {
            return FSharpValueOption<string>.NewValueSome("there is something that is no plain file; - is standard output");
        }

        var beside = $"{path}.{RandomNumberGenerator.GetHexString(12, lowercase: true)}";
        try
        {
            using (var stream = new FileStream(beside, FileMode.CreateNew))
            {
                stream.Write(octets.Span);
                stream.Flush(flushToDisk: true);
            }

            File.Move(beside, path, overwrite: true);
            return FSharpValueOption<string>.None;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or ArgumentException)
        {
            if (File.Exists(beside))
                File.Delete(beside);
            return FSharpValueOption<string>.NewValueSome(Describe(path, failure));
        }
    }

    public void Print(ReadOnlyMemory<byte> octets)
    {
        progress.Clear();
        output.Write(octets.Span);
    }

    public void Complain(string line)
    {
        Flush();
        StandardStreams.ComplainLine(line);
    }

    public void Flush()
    {
        progress.Clear();
        output.Flush();
    }

    // Not the output: what could not be written would be tried once more.
    public void Dispose()
    {
        resolver?.Dispose();
        stores?.Dispose();
    }

    public TerminalFacts Terminal => new(
        StandardStreams.HasColour,
        StandardStreams.Columns is { } columns ? FSharpValueOption<int>.NewValueSome(columns) : FSharpValueOption<int>.None);

    public BuildFacts Build => OwnBuild.Facts;

    private WatchedResolver Open(ToolResolver settings)
    {
        var opened = Resolvers.Open(new ResolverSettings
        {
            Forwarders = settings.Nameserver.IsSome ? [settings.Nameserver.Value] : [],
            TrustAnchorFile = settings.TrustAnchor.IsSome ? settings.TrustAnchor.Value : null,
            Kind = settings.Kind,
            Clock = TimeProvider.System,
            Time = TimeSpan.FromSeconds(settings.Timeout),
        });
        foreach (var warning in opened.Warnings)
        {
            Complain("dkim: warning: " + warning);
        }

        return opened;
    }

    private FileContents ReadSecret(string path)
    {
        var secret = PrivateFile.Read(path, Strictness.Warn, ofServices: true);
        foreach (var warning in secret.Warnings)
        {
            Complain("dkim: warning: " + warning);
        }

        return FileContents.Found(secret.Octets);
    }

    // A command runs to its end on the thread that started it; this one is asynchronous inside.
    public int Demonstrate(bool stay)
    {
        Flush();
        return DemoCommand.RunAsync(stay).GetAwaiter().GetResult();
    }

    private static Stream OpenAny(string path) => path == "-"
        ? StandardStreams.OpenInput()
        : new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, 1);

    private static FileContents ReadAny(string path)
    {
        using var source = OpenAny(path);
        using var all = new MemoryStream(source.CanSeek ? (int)Math.Min(source.Length, ReadLimit) : 65536);
        var buffer = new byte[65536];
        for (var count = source.Read(buffer); count > 0; count = source.Read(buffer))
        {
            all.Write(buffer, 0, count);
            if (all.Length > ReadLimit)
            {
                return FileContents.Unreadable("larger than 512 MiB");
            }
        }

        return FileContents.Found(all.GetBuffer().AsMemory(0, (int)all.Length));
    }

    // The system's message begins with the path, which whoever reads this knows.
    private static string Describe(string path, Exception failure) => failure switch
    {
        FileRefusedException => failure.Message.Replace(path + ": ", "", StringComparison.Ordinal) switch
        {
            "No such file or directory" => "no such file",
            "Permission denied" => "permission denied",
            var reason => reason,
        },
        FileNotFoundException or DirectoryNotFoundException => "no such file",
        UnauthorizedAccessException when Directory.Exists(path) => "a directory, no file",
        UnauthorizedAccessException => "permission denied",
        IOException { HResult: 17 } => "file exists",
        _ => "input or output error",
    };
}
