using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Dkim.Core.Programs.Settings;
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

/// <summary>Makes log lines. Whatever is handed in, one line of printable ASCII comes out.</summary>
public static class LogLines
{
    private const int LineLength = 512;

    // What Printable.escape leaves is printable ASCII, of which JSON itself escapes two characters; the writer's own choice are more.
    private static readonly JsonWriterOptions jsonOptions = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>A line for a terminal or a file, without its end.</summary>
    internal static string Line(LogFormat format, string program, in LogEntry entry) =>
        format == LogFormat.Json
            ? Json(program, entry)
            : $"{program}[{Environment.ProcessId}]: {Printable.escape(entry.Line.Line)}";

    /// <summary>A datagram for /dev/log: priority, local time, program and process, text (RFC 3164 §4.1).</summary>
    internal static byte[] Datagram(LogFormat format, int facility, string program, in LogEntry entry)
    {
        var body = format == LogFormat.Json ? Json(program, entry) : Printable.escape(entry.Line.Line);
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
        json.WriteString("program", Printable.escape(program));
        json.WriteNumber("pid", Environment.ProcessId);
        json.WriteString("text", Printable.escape(entry.Line.Text));
        foreach (var field in entry.Line.Fields)
        {
            if (!field.IsList)
            {
                json.WriteString(field.Name, Printable.escape(field.Values.Head));
                continue;
            }

            json.WriteStartArray(field.Name);
            foreach (var value in field.Values)
            {
                json.WriteStringValue(Printable.escape(value));
            }

            json.WriteEndArray();
        }

        json.WriteEndObject();
        json.Flush();
        return Encoding.ASCII.GetString(line.WrittenSpan);
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
