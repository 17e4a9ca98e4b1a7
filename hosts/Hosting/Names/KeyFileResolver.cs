using System.Text;
using Dkim.Core.Dns;
using Dkim.Hosting.Files;
using Dkim.Hosting.Resolving;

namespace Dkim.Hosting.Names;

/// <summary>TXT records from a file of lines <c>NAME RECORD</c>, instead of the DNS: for tests and machines without a
/// network. Names are taken in any case; a name on several lines has several records; a name that is not there does
/// not exist. A domain with records below it exists, and whoever asks for its addresses or mail servers is told of one:
/// the policy of a domain counts only where there are such (RFC 5617 §4.3), and the file has no place for them. Empty
/// lines and lines that begin with <c>#</c> are left out.</summary>
public sealed class KeyFileResolver : IResolver
{
    private readonly Dictionary<string, List<string>> records = new(StringComparer.OrdinalIgnoreCase);

    private readonly HashSet<string> domains = new(StringComparer.OrdinalIgnoreCase);

    private KeyFileResolver(string description) => Description = description;

    public string Description { get; }

    // All keys of a large installation.
    private const int MaxLength = 64 << 20;

    /// <summary>Reads the file; throws <see cref="IOException"/> when that fails, <see cref="FormatException"/> with the
    /// line number for a line without a record.</summary>
    public static KeyFileResolver Load(string path) =>
        Read(Encoding.Latin1.GetString(PrivateFile.ReadShared(path, MaxLength)), path);

    /// <summary>Reads the text of such a file.</summary>
    public static KeyFileResolver Read(string text, string path)
    {
        var resolver = new KeyFileResolver($"key file {path}");
        var number = 0;
        foreach (var raw in text.Split('\n'))
        {
            number++;
            var line = raw.Trim();
            if (line.Length == 0 || line[0] == '#')
            {
                continue;
            }

            var blank = line.AsSpan().IndexOfAny(' ', '\t');
            if (blank < 0)
            {
                throw new FormatException($"{path}:{number}: a name without a record; write NAME, a blank, RECORD");
            }

            var name = line[..blank].TrimEnd('.');
            if (!resolver.records.TryGetValue(name, out var found))
            {
                resolver.records.Add(name, found = []);
            }

            found.Add(line[blank..].TrimStart());
            for (var dot = name.IndexOf('.'); dot >= 0 && resolver.domains.Add(name[(dot + 1)..]);)
            {
                dot = name.IndexOf('.', dot + 1);
            }
        }

        return resolver;
    }

    public ValueTask<Answer> AskAsync(Question question, CancellationToken cancellation) =>
        ValueTask.FromResult(Find(question)!);

    public Answer? Find(Question question)
    {
        var name = question.Name.TrimEnd('.');
        if (question.Type != RecordType.Txt && domains.Contains(name))
        {
            return Answer.Found([name], Security.Unchecked);
        }

        var exists = records.TryGetValue(name, out var found);
        return !exists ? Answer.NoSuchName(Security.Unchecked)
            : Answer.Found(question.Type == RecordType.Txt ? found! : [], Security.Unchecked);
    }

    public void Dispose()
    {
    }
}
