using System.Net;
using System.Text;
using Dkim.Core;

namespace Dkim.Hosting;

/// <summary>Collects the records of one answer as the text the core reads, within bounds.</summary>
internal sealed class Records(RecordType type)
{
    /// <summary>Records of one name that are taken; more are left out.</summary>
    private const int MaxRecords = 32;

    /// <summary>The longest TXT record, in octets; a longer one makes the whole answer unusable.</summary>
    private const int MaxLength = 16 * 1024;

    private readonly List<string> texts = [];
    private string? problem;

    public bool IsEmpty => texts.Count == 0;

    public bool IsFull => texts.Count >= MaxRecords;

    public void Add(ReadOnlySpan<byte> data)
    {
        if (IsFull)
        {
            return;
        }

        if (type != RecordType.Txt)
        {
            texts.Add(data.Length is 4 or 16 && type != RecordType.Mx ? new IPAddress(data).ToString() : "");
        }
        else if (data.Length > MaxLength)
        {
            problem = "too large";
        }
        else if (TryJoin(data, out var text))
        {
            texts.Add(text);
        }
        else
        {
            problem = "broken record";
        }
    }

    public Answer ToAnswer(Security security) =>
        problem is null ? Answer.Found(texts, security) : Answer.Unavailable(problem);

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
