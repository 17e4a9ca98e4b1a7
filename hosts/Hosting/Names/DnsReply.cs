using System.Buffers.Binary;
using System.Text;
using Dkim.Core;

namespace Dkim.Hosting;

/// <summary>Reads the reply packets that the C library hands over as they came (RFC 1035 §4.1).</summary>
internal static class DnsReply
{
    private const int HeaderLength = 12;
    private const int AliasType = 5;
    private const int MaxAliases = 8;
    private const int MaxJumps = 64;

    /// <summary>What a reply says about a name: the records at the end of its chain of aliases.</summary>
    /// <param name="Alias">The last name of the chain; the name itself where there is none.</param>
    /// <param name="TimeToLive">The shortest of all records used, in seconds.</param>
    internal readonly record struct Content(Records Records, string Alias, int TimeToLive);

    private readonly record struct Entry(string Owner, int Type, int TimeToLive, Range Data);

    public static string RcodeName(int rcode) => rcode switch
    {
        1 => "FORMERR",
        2 => "SERVFAIL",
        3 => "NXDOMAIN",
        4 => "NOTIMP",
        5 => "REFUSED",
        _ => $"RCODE{rcode}",
    };

    /// <summary>Reads the records of a type; false when the packet is broken or its aliases never end.</summary>
    public static bool TryRead(ReadOnlySpan<byte> packet, string name, RecordType type, out Content content)
    {
        content = default;
        if (!TryReadEntries(packet, out var entries))
        {
            return false;
        }

        var records = new Records(type);
        var timeToLive = int.MaxValue;
        var alias = name.ToLowerInvariant();
        for (var hop = 0; hop <= MaxAliases; hop++)
        {
            foreach (var entry in entries)
            {
                if (entry.Type == (int)type && entry.Owner == alias)
                {
                    records.Add(packet[entry.Data]);
                    timeToLive = Math.Min(timeToLive, entry.TimeToLive);
                }
            }

            var next = entries.FindIndex(entry => entry.Type == AliasType && entry.Owner == alias);
            if (!records.IsEmpty || next < 0)
            {
                content = new Content(records, alias, timeToLive == int.MaxValue ? 0 : timeToLive);
                return true;
            }

            timeToLive = Math.Min(timeToLive, entries[next].TimeToLive);
            var at = entries[next].Data.Start.Value;
            if (!TryReadName(packet, ref at, out alias))
            {
                return false;
            }
        }

        return false;
    }

    private static bool TryReadEntries(ReadOnlySpan<byte> packet, out List<Entry> entries)
    {
        entries = [];
        if (packet.Length < HeaderLength)
        {
            return false;
        }

        var questions = BinaryPrimitives.ReadUInt16BigEndian(packet[4..]);
        var answers = BinaryPrimitives.ReadUInt16BigEndian(packet[6..]);
        var at = HeaderLength;
        for (var i = 0; i < questions; i++)
        {
            if (!TryReadName(packet, ref at, out _))
            {
                return false;
            }

            at += 4;
        }

        for (var i = 0; i < answers; i++)
        {
            if (!TryReadName(packet, ref at, out var owner) || packet.Length - at < 10)
            {
                return false;
            }

            var type = BinaryPrimitives.ReadUInt16BigEndian(packet[at..]);
            var timeToLive = BinaryPrimitives.ReadInt32BigEndian(packet[(at + 4)..]);
            var length = BinaryPrimitives.ReadUInt16BigEndian(packet[(at + 8)..]);
            at += 10;
            if (packet.Length - at < length)
            {
                return false;
            }

            entries.Add(new Entry(owner, type, Math.Max(0, timeToLive), at..(at + length)));
            at += length;
        }

        return true;
    }

    /// <summary>Reads a name, following compression pointers backwards only, and moves behind it.</summary>
    private static bool TryReadName(ReadOnlySpan<byte> packet, ref int at, out string name)
    {
        var text = new StringBuilder();
        var position = at;
        var jumps = 0;
        name = "";
        while (position < packet.Length)
        {
            int length = packet[position];
            if (length >= 0xC0)
            {
                if (position + 1 >= packet.Length || ++jumps > MaxJumps)
                {
                    return false;
                }

                var target = ((length & 0x3F) << 8) | packet[position + 1];
                at = jumps == 1 ? position + 2 : at;
                if (target >= position)
                {
                    return false;
                }

                position = target;
                continue;
            }

            position++;
            if (length == 0)
            {
                at = jumps == 0 ? position : at;
                name = text.ToString().ToLowerInvariant();
                return true;
            }

            if (length > 63 || packet.Length - position < length || text.Length + length > 254)
            {
                return false;
            }

            text.Append(text.Length > 0 ? "." : "").Append(Encoding.Latin1.GetString(packet.Slice(position, length)));
            position += length;
        }

        return false;
    }
}
