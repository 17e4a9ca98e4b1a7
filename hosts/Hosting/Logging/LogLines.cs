using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Dkim.Core.Programs.Proxies;
using Dkim.Core.Programs.Tool;
using Dkim.Core.Words;
using Dkim.Hosting.Native;

namespace Dkim.Hosting.Logging;

/// <summary>How much a log line matters; the numbers are those of syslog(3).</summary>
public enum Severity
{
    Error = 3,
    Warning = 4,
    Notice = 5,
    Information = 6,
    Debug = 7,
}

/// <summary>The facilities of syslog.conf(5).</summary>
public static class Facility
{
    public const string Default = "mail";

    private static readonly string[] names =
    [
        "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp",
        "", "", "", "", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
    ];

    /// <summary>The number of a facility given by name, with an optional <c>LOG_</c> before it.</summary>
    public static bool TryFind(string name, out int number)
    {
        var plain = name.ToLowerInvariant();
        plain = plain.StartsWith("log_", StringComparison.Ordinal) ? plain[4..] : plain;
        number = plain.Length == 0 ? -1 : Array.IndexOf(names, plain == "security" ? "auth" : plain);
        return number >= 0;
    }
}

/// <summary>What a line of the log looks like.</summary>
public enum LogFormat
{
    Text,

    /// <summary>One JSON object per line: <c>time</c>, <c>level</c>, <c>program</c>, <c>pid</c>, <c>text</c>, then the
    /// fields of the line.</summary>
    Json,
}

/// <summary>Makes log lines. Whatever is handed in, one line of printable ASCII comes out.</summary>
public static class LogLines
{
    /// <summary>The most characters of a text that are kept.</summary>
    public const int MaxLength = 4000;

    private const int LineLength = 512;

    // What Escape leaves is printable ASCII, of which JSON itself escapes two characters; the writer's own choice are more.
    private static readonly JsonWriterOptions jsonOptions = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Writes every control character and every octet that is not ASCII as <c>\xNN</c>. Characters up to
    /// U+00FF stand for one octet, as in text taken from a message; higher ones for the octets of their UTF-8
    /// form.</summary>
    public static string Escape(string text)
    {
        var needsEscape = text.AsSpan().ContainsAnyExceptInRange(' ', '~');
        if (!needsEscape && text.Length <= MaxLength)
        {
            return text;
        }

        var line = new StringBuilder(Math.Min(text.Length, MaxLength) + 16);
        foreach (var rune in text.EnumerateRunes())
        {
            if (line.Length >= MaxLength)
            {
                line.Append("...");
                break;
            }

            Append(line, rune);
        }

        return line.ToString();
    }

    /// <summary>A line for a terminal or a file, without its end.</summary>
    internal static string Line(LogFormat format, string program, in LogEntry entry) =>
        format == LogFormat.Json
            ? Json(program, entry)
            : $"{program}[{Environment.ProcessId}]: {Escape(entry.Line.Line)}";

    /// <summary>A datagram for /dev/log: priority, local time, program and process, text (RFC 3164 §4.1).</summary>
    internal static byte[] Datagram(LogFormat format, int facility, string program, in LogEntry entry)
    {
        var body = format == LogFormat.Json ? Json(program, entry) : Escape(entry.Line.Line);
        return Encoding.ASCII.GetBytes(string.Create(
            CultureInfo.InvariantCulture,
            $"<{(facility << 3) | (int)entry.Severity}>{LocalTime(entry.Time)} {program}[{Environment.ProcessId}]: {body}"));
    }

    private static string Json(string program, in LogEntry entry)
    {
        var level = entry.Severity switch
        {
            Severity.Error => "error",
            Severity.Warning => "warning",
            Severity.Notice => "notice",
            Severity.Information => "info",
            _ => "debug",
        };
        var line = new ArrayBufferWriter<byte>(LineLength);
        using var json = new Utf8JsonWriter(line, jsonOptions);
        json.WriteStartObject();
        json.WriteString("time", entry.Time.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ss.fffZ", CultureInfo.InvariantCulture));
        json.WriteString("level", level);
        json.WriteString("program", Escape(program));
        json.WriteNumber("pid", Environment.ProcessId);
        json.WriteString("text", Escape(entry.Line.Text));
        foreach (var field in entry.Line.Fields)
        {
            if (!field.IsList)
            {
                json.WriteString(field.Name, Escape(field.Values.Head));
                continue;
            }

            json.WriteStartArray(field.Name);
            foreach (var value in field.Values)
            {
                json.WriteStringValue(Escape(value));
            }

            json.WriteEndArray();
        }

        json.WriteEndObject();
        json.Flush();
        return Encoding.ASCII.GetString(line.WrittenSpan);
    }

    private static void Append(StringBuilder line, Rune rune)
    {
        if (rune.Value is >= ' ' and <= '~')
        {
            line.Append((char)rune.Value);
            return;
        }

        Span<byte> octets = stackalloc byte[4];
        var count = 1;
        if (rune.Value <= 0xff)
        {
            octets[0] = (byte)rune.Value;
        }
        else
        {
            count = rune.EncodeToUtf8(octets);
        }

        foreach (var octet in octets[..count])
        {
            line.Append("\\x").Append(octet.ToString("x2", CultureInfo.InvariantCulture));
        }
    }

    // The programs carry no time zones of their own; syslog daemons expect the machine's.
    private static unsafe string LocalTime(DateTimeOffset now)
    {
        var seconds = now.ToUnixTimeSeconds();
        LocalDate date;
        Libc.localtime_r(&seconds, &date);
        const string Months = "JanFebMarAprMayJunJulAugSepOctNovDec";
        var month = Months.AsSpan(3 * date.Month, 3);
        return string.Create(
            CultureInfo.InvariantCulture, $"{month} {date.Day,2} {date.Hour:00}:{date.Minute:00}:{date.Second:00}");
    }
}
