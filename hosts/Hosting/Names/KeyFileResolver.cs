using System.Text;
using Dkim.Core.Dns;
using Dkim.Hosting.Files;
using Dkim.Hosting.Resolving;

namespace Dkim.Hosting.Names;

/// <summary>Answers from a file of test keys (<see cref="TestKeys"/>) in place of the DNS.</summary>
public sealed class KeyFileResolver : IResolver
{
    private readonly TestKeys keys;

    private KeyFileResolver(TestKeys keys, string path)
    {
        this.keys = keys;
        Description = $"key file {path}";
    }

    public string Description { get; }

    /// <summary>Reads the file; throws <see cref="IOException"/> when that fails, <see cref="FormatException"/> with the
    /// line number for a line without a record.</summary>
    public static KeyFileResolver Load(string path) =>
        Read(Encoding.Latin1.GetString(PrivateFile.ReadShared(path, TestKeysModule.MaxLength)), path);

    /// <summary>Reads the text of such a file.</summary>
    public static KeyFileResolver Read(string text, string path)
    {
        var read = TestKeysModule.parse(text);
        return read.IsOk
            ? new KeyFileResolver(read.ResultValue, path)
            : throw new FormatException(
                $"{path}:{read.ErrorValue}: a name without a record; write NAME, a blank, RECORD");
    }

    public ValueTask<Answer> AskAsync(Question question, CancellationToken cancellation) =>
        ValueTask.FromResult(Find(question)!);

    public Answer? Find(Question question) => keys.Find(question);

    public void Dispose()
    {
    }
}
