using System.Buffers.Binary;
using System.Text;

namespace Dkim.Tests.Hosts.Hosting;

/// <summary>What name servers may send that is no honest answer, by the first label of the name asked for: honest
/// answers of every kind, replies that belong to something else, and packets that cannot be read. An honest TXT record
/// is <c>good</c>, one that must not be believed <c>forged</c>.</summary>
internal static class Lies
{
    private const int Ok = 0x8180;
    private const int Truncated = 0x0200;
    private const int Txt = 16;
    private const int Alias = 5;
    private static readonly byte[] Asked = [0xC0, 12];
    private static readonly byte[] Opt = [0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0];

    /// <summary>Packets that no reader may stumble over.</summary>
    public static string[] Malformed { get; } =
    [
        "m-empty", "m-short", "m-header", "m-counts", "m-pointer-to-itself", "m-pointer-in-a-circle", "m-pointer-forward",
        "m-pointer-beyond", "m-pointers-120", "m-label-64", "m-label-128", "m-name-cut", "m-data-long", "m-data-short",
        "m-string-long", "m-record-cut", "m-opt-junk", "m-xn", "m-name-long", "m-huge", "m-octets-in-alias", "m-negative-ttl",
        "m-no-data", "m-naptr", "m-nsec", "m-dnskey", "m-rrsig", "m-wks", "m-hinfo", "m-caa", "m-uri", "m-bomb",
    ];

    public static string Label(byte[] query) => Encoding.Latin1.GetString(query, 13, query[12]).ToLowerInvariant();

    public static bool IsFromElsewhere(byte[] query) => Label(query) == "other-source";

    public static byte[] OverTcp(byte[] query) =>
        Label(query) is "truncated-twice" ? Datagrams(query)[0] : Found(query, "good");

    /// <summary>The datagrams that answer a query, in order.</summary>
    public static byte[][] Datagrams(byte[] query)
    {
        var label = Label(query);
        var good = Found(query, "good");
        var forged = Found(query, "forged");
        var hasOpt = query[11] != 0;
        return label switch
        {
            "dead" => [],
            "servfail" => [Failed(query, 2)],
            "refused" => [Failed(query, 5)],
            "rcode-11" => [Failed(query, 11)],
            "formerr" => [Failed(query, 1)],
            "formerr-edns" => [hasOpt ? Failed(query, 1) : good],
            "notimp-edns" => [hasOpt ? Failed(query, 4) : good],
            // The upper octet of the RCODE is 1: BADVERS (RFC 6891 §9).
            "badvers" => [[.. Header(query, Ok, additional: 1), .. Question(query), .. Opt[..5], 1, .. Opt[6..]]],
            "nxdomain" => [[.. Header(query, Ok | 3, authority: 1), .. Question(query), .. Soa(30)]],
            "nodata" => [[.. Header(query, Ok, authority: 1), .. Question(query), .. Soa(30)]],
            "nxdomain-no-soa" => [Failed(query, 3)],
            "nxdomain-short" => [[.. Header(query, Ok | 3, authority: 1), .. Question(query), .. Soa(1)]],
            "alias" => [Answer(query, 2, Record(Asked, Alias, Name("a.Test")), Record(Name("A.test"), Txt, Text("good")))],
            "alias-brief" => [Answer(query, 2, Record(Asked, Alias, Name("a.test"), timeToLive: 1), Record(Name("a.test"), Txt, Text("good")))],
            "aliases-8" => [Aliases(query, 8)],
            "aliases-9" => [Aliases(query, 9)],
            "octets" => [Answer(query, 1, Record(Asked, Txt, Text("a\\;\" \\200\u00c8\u0001\u007f\u00ff\\255b\u00c3\u00a4.\\")))],
            "twice" => [good, good],
            "truncated" or "tcp-dead" or "tcp-slow" or "tcp-close" or "tcp-reset" or "tcp-drip" or "tcp-short" or "tcp-long"
                or "tcp-nothing" => [[.. Header(query, Ok | Truncated), .. Question(query)]],
            "truncated-twice" => [[.. Header(query, Ok | Truncated), .. Question(query)]],
            "other-id" => [Renumbered(forged)],
            "other-id-once" => Interlocked.Increment(ref renumbered) % 2 == 1 ? [Renumbered(forged)] : [good],
            "other-id-first" => [Renumbered(forged), good],
            "other-question" => [[.. Header(query, Ok, 1), .. Name("other.example"), 0, Txt, 0, 1, .. Record(Asked, Txt, Text("forged"))]],
            "other-type" => [[.. Header(query, Ok, 1), .. Question(query)[..^4], 0, 1, 0, 1, .. Record(Asked, Txt, Text("forged"))]],
            "no-question" => [[.. Header(query, Ok, 1, questions: 0), .. Record(Name("x.test"), Txt, Text("forged"))]],
            "other-source" => [forged, good],
            "other-owner" => [Answer(query, 1, Record(Name("other.example"), Txt, Text("forged")))],
            "other-class" => [Answer(query, 1, Chaos(Record(Asked, Txt, Text("forged"))))],
            "query" => [query],
            "opcode" => [[.. Header(query, Ok | 0x2800, 1), .. Question(query), .. Record(Asked, Txt, Text("forged"))]],
            _ when label.StartsWith("m-", StringComparison.Ordinal) => [Broken(query, label)],
            _ => [good],
        };
    }

    private static int renumbered;

    private static byte[] Broken(byte[] query, string kind)
    {
        var answerAt = 12 + Question(query).Length;
        byte[] pointer = [(byte)(0xC0 | (answerAt >> 8)), (byte)answerAt];
        return kind switch
        {
            "m-empty" => [],
            "m-short" => query[..5],
            "m-header" => Header(query, Ok, questions: 0),
            "m-counts" => [.. query[..2], 0x81, 0x80, .. Enumerable.Repeat((byte)255, 8), .. Question(query), .. Record(Asked, Txt, Text("x"))],
            "m-pointer-to-itself" => Answer(query, 1, Record(pointer, Txt, Text("x"))),
            "m-pointer-in-a-circle" => Answer(query, 1, Record([1, (byte)'a', .. pointer], Txt, Text("x"))),
            "m-pointer-forward" => Answer(query, 1, Record([0xC0, (byte)(answerAt + 12)], Txt, [2, 97, 98, 0])),
            "m-pointer-beyond" => Answer(query, 1, Record([0xC8, 0], Txt, Text("x"))),
            "m-pointers-120" => Answer(query, 1, Record([0xC0, (byte)(answerAt + 12)], 99, [.. Enumerable.Range(1, 120)
                .SelectMany(i => Pointer(answerAt + 12 + (2 * i))), 0])),
            "m-label-64" => Answer(query, 1, Record([64, .. new byte[64], 0], Txt, Text("x"))),
            "m-label-128" => Answer(query, 1, Record([0x80, .. new byte[128], 0], Txt, Text("x"))),
            "m-name-cut" => Answer(query, 1, [60, 65, 65]),
            "m-data-long" => Answer(query, 1, Record(Asked, Txt, Text("x"), length: 4000)),
            "m-data-short" => Answer(query, 1, Record(Asked, Txt, Text("xyzxyz"), length: 3)),
            "m-string-long" => Answer(query, 1, Record(Asked, Txt, [200, 65, 66])),
            "m-record-cut" => Answer(query, 1, Record(Asked, Txt, Text("x"))[..7]),
            "m-opt-junk" => [.. Header(query, Ok, 1, additional: 1), .. Question(query), .. Record(Asked, Txt, Text("x")), .. Opt[..9], 0, 9, 1, 2],
            "m-xn" => Answer(query, 1, Record(Name("xn--\u00ff\u00fe--zz.test"), Txt, Text("x"))),
            "m-name-long" => Answer(query, 1, Record(Name(string.Join('.', Enumerable.Repeat(new string('a', 60), 12))), Txt, Text("x"))),
            "m-huge" => Answer(query, 1, Record(Asked, Txt, [.. Enumerable.Range(0, 14).SelectMany(_ => Text(new string('x', 255)))])),
            "m-octets-in-alias" => Answer(query, 1, Record(Asked, Alias, [3, 0, 46, 92, .. Asked])),
            "m-negative-ttl" => Answer(query, 1, Record(Asked, Txt, Text("x"), timeToLive: -5)),
            "m-no-data" => Answer(query, 1, Record(Asked, Txt, [])),
            "m-naptr" => Answer(query, 1, Record(Asked, 35, [0, 1, 0, 1, 200])),
            "m-nsec" => Answer(query, 1, Record(Asked, 47, [.. Name("a.test"), 0])),
            "m-dnskey" => Answer(query, 1, Record(Asked, 48, [1])),
            "m-rrsig" => Answer(query, 1, Record(Asked, 46, [.. new byte[18], .. Name("a.test")], length: 3)),
            "m-wks" => Answer(query, 1, Record(Asked, 11, [1, 2, 3, 4, 6], length: 2)),
            "m-hinfo" => Answer(query, 1, Record(Asked, 13, [0])),
            "m-caa" => Answer(query, 1, Record(Asked, 257, [0, 200, 1])),
            "m-uri" => Answer(query, 1, Record(Asked, 256, [0, 0])),
            _ => Bomb(query, answerAt),
        };
    }

    // One long name of short labels, and many records that point to it.
    private static byte[] Bomb(byte[] query, int answerAt)
    {
        byte[] name = [.. Enumerable.Range(0, 1000).SelectMany(_ => new byte[] { 1, 65 }), 0];
        var pointer = Pointer(answerAt + 12);
        var many = Enumerable.Repeat(Record(pointer, Alias, pointer), 120).ToArray();
        return Answer(query, 121, [Record(Asked, 0xC8, name), .. many]);
    }

    // A chain of so many aliases with a record at its end.
    private static byte[] Aliases(byte[] query, int count) => Answer(query, count + 1, [
        Record(Asked, Alias, Name("a1.test")),
        .. Enumerable.Range(1, count - 1).Select(i => Record(Name($"a{i}.test"), Alias, Name($"a{i + 1}.test"))),
        Record(Name($"a{count}.test"), Txt, Text("good")),
    ]);

    private static byte[] Pointer(int at) => [(byte)(0xC0 | (at >> 8)), (byte)at];

    private static byte[] Found(byte[] query, string text) => Answer(query, 1, Record(Asked, Txt, Text(text)));

    private static byte[] Failed(byte[] query, int rcode) => [.. Header(query, Ok | rcode), .. Question(query)];

    private static byte[] Answer(byte[] query, int count, params byte[][] records) =>
        [.. Header(query, Ok, count), .. Question(query), .. records.SelectMany(record => record)];

    private static byte[] Header(
        byte[] query, int flags, int answers = 0, int authority = 0, int additional = 0, int questions = 1)
    {
        var header = new byte[12];
        query.AsSpan(0, 2).CopyTo(header);
        int[] numbers = [flags, questions, answers, authority, additional];
        for (var i = 0; i < numbers.Length; i++)
        {
            BinaryPrimitives.WriteUInt16BigEndian(header.AsSpan(2 + (2 * i)), (ushort)numbers[i]);
        }

        return header;
    }

    private static byte[] Question(byte[] query)
    {
        var end = 12;
        while (query[end] != 0)
        {
            end += query[end] + 1;
        }

        return query[12..(end + 5)];
    }

    private static byte[] Renumbered(byte[] packet) => [(byte)(packet[0] ^ 0x55), .. packet[1..]];

    private static byte[] Name(string name) =>
        [.. name.Split('.').SelectMany(label => (byte[])[(byte)label.Length, .. Encoding.Latin1.GetBytes(label)]), 0];

    private static byte[] Text(string text) => [(byte)text.Length, .. Encoding.Latin1.GetBytes(text)];

    private static byte[] Record(byte[] owner, int type, byte[] data, int timeToLive = 60, int? length = null)
    {
        var fixedPart = new byte[10];
        BinaryPrimitives.WriteUInt16BigEndian(fixedPart, (ushort)type);
        fixedPart[3] = 1;
        BinaryPrimitives.WriteInt32BigEndian(fixedPart.AsSpan(4), timeToLive);
        BinaryPrimitives.WriteUInt16BigEndian(fixedPart.AsSpan(8), (ushort)(length ?? data.Length));
        return [.. owner, .. fixedPart, .. data];
    }

    private static byte[] Soa(byte minimum) => Record(
        Asked, 6, [.. Name("ns.test"), .. Name("host.test"), .. new byte[16], 0, 0, 0, minimum], timeToLive: 50);

    private static byte[] Chaos(byte[] record)
    {
        record[Asked.Length + 3] = 3;
        return record;
    }
}
