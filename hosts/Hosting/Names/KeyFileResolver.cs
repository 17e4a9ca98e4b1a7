using System.Text;
using Dkim.Core.Dns;
using Dkim.Hosting.Files;
using Dkim.Hosting.Resolving;
using Microsoft.FSharp.Core;

namespace Dkim.Hosting.Names;

/// <summary>Answers from a file of test keys (<see cref="TestKeys"/>) in place of the DNS.</summary>
public sealed class KeyFileResolver : IResolver
{
    private readonly TestKeys keys;

    private KeyFileResolver(TestKeys keys, string description)
    {
        this.keys = keys;
        Description = description;
    }

    public string Description { get; }

    /// <summary>Reads the file; throws <see cref="IOException"/> when that fails, <see cref="FormatException"/> with the
    /// line number for a line without a record.</summary>
    /// <param name="more">Records that stand behind those of the file.</param>
    public static KeyFileResolver Load(string path, TestKeys? more = null) =>
        Read(Encoding.Latin1.GetString(PrivateFile.ReadShared(path, TestKeysModule.MaxLength)), path, more);

    /// <summary>Answers from records alone.</summary>
    /// <param name="setting">Where they come from.</param>
    public static KeyFileResolver Of(TestKeys records, string setting) => new(records, setting);

    /// <summary>Reads the text of such a file.</summary>
    public static KeyFileResolver Read(string text, string path, TestKeys? more = null)
    {
        var read = TestKeysModule.parseWith(more is null ? default : FSharpValueOption<TestKeys>.NewValueSome(more), text);
        return read.IsOk
            ? new KeyFileResolver(read.ResultValue, $"key file {path}")
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
