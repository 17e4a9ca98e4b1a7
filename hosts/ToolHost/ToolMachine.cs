using System.Runtime.Versioning;
using System.Security.Cryptography;
using System.Text;
using Dkim.Core;
using Microsoft.FSharp.Core;

[assembly: SupportedOSPlatform("linux")]

namespace Dkim.ToolHost;

/// <summary>Carries out what a command does: files, standard streams, DNS and random numbers.</summary>
internal sealed class ToolMachine : IToolHost, IDisposable
{
    private const int ReadLimit = 1_100_000_000;

    private readonly Stream output = new BufferedStream(Console.OpenStandardOutput(), 65536);

    public FileContents Read(WantedFile file)
    {
        try
        {
            using var source = file.Path == "-"
                ? Console.OpenStandardInput()
                : new FileStream(file.Path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, 1);
            return ReadAll(source);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return FileContents.Unreadable(Describe(failure));
        }
    }

    public FSharpValueOption<string[]> List(string path)
    {
        if (!Directory.Exists(path))
        {
            return FSharpValueOption<string[]>.None;
        }

        var options = new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.None };
        var paths = Directory.GetFiles(path, "*", options);
        Array.Sort(paths, StringComparer.Ordinal);
        return FSharpValueOption<string[]>.NewValueSome(paths);
    }

    public IReadOnlyDictionary<Question, Answer> LookUp(ToolResolver settings, Question[] questions) =>
        questions.ToDictionary(question => question, _ => Answer.Unavailable("no resolver"));

    public byte[] Draw(int octets) => RandomNumberGenerator.GetBytes(octets);

    public FSharpValueOption<string> Create(NewFile file)
    {
        try
        {
            var options = new FileStreamOptions
            {
                Mode = FileMode.CreateNew,
                Access = FileAccess.Write,
                UnixCreateMode = file.Secret
                    ? UnixFileMode.UserRead | UnixFileMode.UserWrite
                    : UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead,
            };
            using var stream = new FileStream(file.Path, options);
            stream.Write(file.Contents.Span);
            stream.Flush(flushToDisk: true);
            return FSharpValueOption<string>.None;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return FSharpValueOption<string>.NewValueSome(Describe(failure));
        }
    }

    public void Print(ReadOnlyMemory<byte> octets) => output.Write(octets.Span);

    public void Complain(string line)
    {
        Flush();
        using var errors = Console.OpenStandardError();
        errors.Write(Encoding.UTF8.GetBytes(line + "\n"));
    }

    public void Flush() => output.Flush();

    public void Dispose() => output.Dispose();

    private static FileContents ReadAll(Stream source)
    {
        using var all = new MemoryStream(source.CanSeek ? (int)Math.Min(source.Length, ReadLimit) : 65536);
        var buffer = new byte[65536];
        for (var count = source.Read(buffer); count > 0; count = source.Read(buffer))
        {
            all.Write(buffer, 0, count);
            if (all.Length > ReadLimit)
            {
                return FileContents.Unreadable("larger than 1 GiB");
            }
        }

        return FileContents.Found(all.GetBuffer().AsMemory(0, (int)all.Length));
    }

    private static string Describe(Exception failure) => failure switch
    {
        FileNotFoundException or DirectoryNotFoundException => "no such file",
        UnauthorizedAccessException => "permission denied",
        IOException { HResult: 17 } => "file exists",
        _ => "input or output error",
    };
}
