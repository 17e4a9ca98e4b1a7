using System.Net;
using System.Text;
using Dkim.Core.Dns;
using Dkim.Core.Words;

namespace Dkim.Hosting.Resolving;

/// <summary>Collects the records of one answer as the text the core reads, within bounds.</summary>
/// <param name="longest">The longest text of a TXT record, in octets; a longer one makes the whole answer unusable.</param>
internal sealed class Records(RecordType type, int longest)
{
    private readonly List<string> texts = [];

    public RecordType Type => type;

    private string? problem;

    public bool IsEmpty => texts.Count == 0 && problem is null;

    public bool IsFull => texts.Count >= ResolverLimits.Records;

    public void Add(ReadOnlySpan<byte> data)
    {
        if (type != RecordType.Txt)
        {
            AddOther(type switch
            {
                RecordType.A or RecordType.Aaaa when data.Length is 4 or 16 => new IPAddress(data).ToString(),
                RecordType.Ns => NameOf(data),
                _ => "",
            });
        }
        else if (!Fits(data.Length))
        {
        }
        else if (TryJoin(data, out var text))
        {
            AddText(text);
        }
        else
        {
            problem = "broken record";
        }
    }

    /// <summary>Whether a TXT record of so many octets is taken; one that is not spoils the answer.</summary>
    public bool Fits(int octets)
    {
        // At least one in 256 is the length of a string.
        var fits = octets - ((octets + 255) / 256) <= longest;
        problem = fits ? problem : "too large";
        return fits;
    }

    /// <summary>Adds a TXT record: its octets as Latin-1 text, its strings joined.</summary>
    public void AddText(string text) => AddOther(text);

    /// <summary>Adds a record of which only its number, or an address, counts.</summary>
    public void AddOther(string text)
    {
        if (!IsFull)
        {
            texts.Add(text);
        }
    }

    public Answer ToAnswer(Security security) =>
        problem is null ? Answer.Found(texts, security) : Answer.Unavailable(problem);

    /// <summary>A name in the form of the wire, without compression; empty where it is none (RFC 1035 §3.1).</summary>
    private static string NameOf(ReadOnlySpan<byte> data)
    {
        var name = new StringBuilder();
        while (data.Length > 0 && data[0] is > 0 and <= 63 && data[0] < data.Length)
        {
            name.Append(name.Length > 0 ? "." : "").Append(Encoding.Latin1.GetString(data.Slice(1, data[0])));
            data = data[(data[0] + 1)..];
        }

        return data is [0] ? name.ToString().ToLowerInvariant() : "";
    }

    /// <summary>Joins the strings of a TXT record, each behind its length octet (RFC 1035 §3.3.14), without a
    /// separator.</summary>
    internal static bool TryJoin(ReadOnlySpan<byte> data, out string text)
    {
        var joined = new byte[data.Length];
        var length = 0;
        while (data.Length > 0)
        {
            int size = data[0];
            if (size >= data.Length)
            {
                text = "";
                return false;
            }

            data.Slice(1, size).CopyTo(joined.AsSpan(length));
            length += size;
            data = data[(size + 1)..];
        }

        text = Encoding.Latin1.GetString(joined, 0, length);
        return true;
    }
}
