using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Dkim.Tests.Hosts.Hosting;
using Dkim.Tests.Hosts.Tool;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Milter;

/// <summary>A configuration of tests/opendkim with its messages, played to the program by miltertest.</summary>
internal sealed partial class OpenDkimCase(string name) : IDisposable
{
    public static readonly string Folder = Path.Combine(AppContext.BaseDirectory, "opendkim");
    private readonly string folder = Path.Combine(Folder, name);
    private readonly JsonDocument document = JsonDocument.Parse(File.ReadAllText(Path.Combine(Folder, name, "messages.json")));

    /// <summary>All of them.</summary>
    public static IEnumerable<string> Names() => Directory.GetDirectories(Folder).Select(path => Path.GetFileName(path)!).Order();

    public void Dispose() => document.Dispose();

    /// <summary>Writes its files and keys below a directory; opendkim.conf is at its top.</summary>
    public void Prepare(Scratch scratch)
    {
        var root = document.RootElement;
        var place = root.GetProperty("folder").GetString()!;
        Directory.CreateDirectory(scratch.Root + place);
        foreach (var file in Directory.GetFiles(folder))
        {
            var text = Moved().Replace(File.ReadAllText(file), scratch.Root + "$0");
            if (Path.GetFileName(file) is not "messages.json")
                File.WriteAllText(Path.GetFileName(file) == "opendkim.conf"
                    ? scratch.At("opendkim.conf")
                    : scratch.Root + place + "/" + Path.GetFileName(file), text);
        }

        if (!root.TryGetProperty("keys", out var keys))
            return;
        foreach (var key in keys.EnumerateObject())
        {
            Directory.CreateDirectory(Path.GetDirectoryName(scratch.Root + key.Name)!);
            WriteKey(scratch.Root + key.Name, key.Value.GetString()!);
        }

        foreach (var open in root.GetProperty("open").EnumerateArray())
            File.SetUnixFileMode(scratch.Root + open.GetString(), (UnixFileMode)0b110_100_100);
    }

    /// <summary>Starts the program with the opendkim.conf of a directory, plays every message, and judges what became of each.</summary>
    /// <param name="left">Messages that are not judged.</param>
    public void Play(Scratch scratch, params string[] left)
    {
        var miltertest = Tools.RequireProgram("miltertest", "miltertest");
        var port = Tools.FreePort();
        using var filter = FilterProcess.StartOpenDkim(
            scratch, $"inet:{port}@127.0.0.1",
            "-f", "-x", scratch.At("opendkim.conf"), "-p", $"inet:{port}@127.0.0.1", "-P", scratch.At("pid"), "-u", "root");
        var messages = document.RootElement.GetProperty("messages").EnumerateArray().ToArray();
        var script = scratch.Write("case.lua", Prelude + string.Concat(messages.Select(message => Script(port, message))));
        var ended = ToolRun.Start(scratch, miltertest, "", "-s", script);
        Assert.That(ended.Code, Is.Zero, $"{ended.Output}{ended.Error}\n{filter.Log}");
        var told = ended.Output.Split("MESSAGE ").Skip(1).ToDictionary(part => part.Split('\n')[0], part => part);
        using (Assert.EnterMultipleScope())
        {
            foreach (var message in messages.Where(message => !left.Contains(Text(message, "id", ""))))
                Judge(message, told[message.GetProperty("id").GetString()!]);
        }

        TestContext.Out.WriteLine(filter.Log);
    }

    /// <summary>Makes a private key of a kind: rsaBITS, ed25519, junk or empty.</summary>
    public static void WriteKey(string path, string kind)
    {
        var ended = kind switch
        {
            "junk" => "echo junk > \"$0\"",
            "empty" => ": > \"$0\"",
            "ed25519" => "openssl genpkey -algorithm ed25519 -out \"$0\" 2> /dev/null",
            _ => $"openssl genrsa -traditional -out \"$0\" {kind[3..]} 2> /dev/null",
        };
        Tools.Run("/", "/bin/sh", "-c", ended + " && chmod 600 \"$0\"", path);
    }

    /// <summary>What scripts begin with.</summary>
    public const string Prelude = """
        names = {[SMFIR_CONTINUE]="continue", [SMFIR_ACCEPT]="accept", [SMFIR_REJECT]="reject", [SMFIR_TEMPFAIL]="tempfail",
                 [SMFIR_DISCARD]="discard", [SMFIR_REPLYCODE]="replycode", [SMFIR_SKIP]="skip"}
        function ended(conn, where)
          rep = mt.getreply(conn)
          if rep == SMFIR_CONTINUE or (where == "body" and rep == SMFIR_SKIP) then return false end
          mt.echo("REPLY " .. tostring(names[rep] or rep))
          return true
        end
        function show(conn)
          for _, h in ipairs({"DKIM-Signature", "Authentication-Results"}) do
            for n = 0, 9 do local v = mt.getheader(conn, h, n); if v == nil then break end
              mt.echo("HEADER " .. h .. " " .. string.gsub(v, "\n", "\\n")) end
          end
        end

        """;

    private static string Text(JsonElement message, string name, string otherwise) =>
        message.TryGetProperty(name, out var value) ? value.GetString()! : otherwise;

    private static string Lua(string text) =>
        "\"" + text.Replace("\\", "\\\\").Replace("\"", "\\\"").Replace("\n", "\\n").Replace("\r", "\\r") + "\"";

    private static IEnumerable<(string Name, string Value)> Fields(JsonElement message)
    {
        IEnumerable<(string, string)> Listed(string name) => message.TryGetProperty(name, out var list)
            ? list.EnumerateArray().Select(field => (field[0].GetString()!, field[1].GetString()!))
            : [];
        return message.TryGetProperty("headers", out _)
            ? Listed("headers")
            : [("From", Text(message, "from", "")), .. Listed("more"), ("To", "rcpt@example.net"), ("Subject", "test"),
               ("Date", "Tue, 25 Nov 2025 10:00:00 +0000"), ("Message-ID", "<1@example.com>"), ("MIME-Version", "1.0"),
               ("Content-Type", "text/plain")];
    }

    /// <summary>Plays a message to a port of the loopback.</summary>
    public static string Script(int port, JsonElement message)
    {
        var script = new StringBuilder($"function play()\nmt.echo(\"MESSAGE {Text(message, "id", "")}\")\n");
        script.Append($"local conn = mt.connect(\"inet:{port}@127.0.0.1\", 40, 0.05)\n");
        void Step(string call) => script.Append(call + "\nif ended(conn, \"\") then mt.disconnect(conn); return end\n");
        var atStages = message.TryGetProperty("macros", out var told) ? told : default;
        IEnumerable<string> Macros(string stage) => atStages.ValueKind == JsonValueKind.Object && atStages.TryGetProperty(stage, out var pairs)
            ? pairs.EnumerateObject().SelectMany(pair => (string[])[Lua(pair.Name), Lua(pair.Value.GetString()!)])
            : [];
        string[] atConnect = ["\"j\"", "\"mx.example.com\"", .. Macros("connect")];
        script.Append($"mt.macro(conn, SMFIC_CONNECT, {string.Join(", ", atConnect)})\n");
        Step($"mt.conninfo(conn, {Lua(Text(message, "host", "client.example.net"))}, {Lua(Text(message, "ip", "203.0.113.9"))})");
        var macros = new List<string> { "\"i\"", Lua(Text(message, "id", "")) };
        if (message.TryGetProperty("auth", out var auth))
            macros.AddRange([Lua("{auth_type}"), Lua("PLAIN"), Lua("{auth_authen}"), Lua(auth.GetString()!)]);
        macros.AddRange(Macros("mail"));
        script.Append($"mt.macro(conn, SMFIC_MAIL, {string.Join(", ", macros)})\n");
        Step($"mt.mailfrom(conn, {Lua("<" + Text(message, "envelope", "") + ">")})");
        string[] recipients = message.TryGetProperty("rcpt", out var rcpt)
            ? [.. rcpt.EnumerateArray().Select(one => one.GetString()!)]
            : ["rcpt@example.net"];
        foreach (var recipient in recipients)
            Step($"mt.rcptto(conn, {Lua("<" + recipient + ">")})");
        foreach (var (name, value) in Fields(message))
            Step($"mt.header(conn, {Lua(name)}, {Lua(value)})");
        Step("mt.eoh(conn)");
        script.Append($"mt.bodystring(conn, {Lua(Text(message, "body", "Hello\r\n"))})\n");
        script.Append("if ended(conn, \"body\") then mt.disconnect(conn); return end\n");
        script.Append("mt.eom(conn)\nended(conn, \"\")\nshow(conn)\nmt.disconnect(conn)\nend\nplay()\n");
        return script.ToString();
    }

    private static void Judge(JsonElement message, string said)
    {
        var id = Text(message, "id", "");
        var expect = message.GetProperty("expect");
        if (expect.TryGetProperty("signed", out var signed))
            Assert.That(Signers(said), Is.EqualTo(signed.EnumerateArray().Select(one => one.GetString())), $"{id} {said}");
        if (expect.TryGetProperty("tags", out var tags))
            Assert.That(tags.EnumerateObject().Select(tag => TopmostTag(said, tag.Name)), Is.EqualTo(tags.EnumerateObject().Select(tag => tag.Value.GetString())), $"{id} {said}");
        if (expect.TryGetProperty("reply", out var reply))
            Assert.That(said, Does.Contain($"REPLY {reply.GetString()}\n"), id);
        if (expect.TryGetProperty("ar", out var results))
        {
            var told = said.Replace("\\n\t", " ");
            Assert.That(told, results.ValueKind == JsonValueKind.False
                ? Does.Not.Contain("Authentication-Results")
                : Does.Contain(results.GetString()!), id);
        }
    }

    private static string[] Signers(string said) =>
        [.. Signatures(said).Select(tags => string.Join('/', ((string[])["d", "s", "i"]).Where(tags.ContainsKey).Select(name => tags[name])))];

    private static string? TopmostTag(string said, string name) => Signatures(said).FirstOrDefault()?.GetValueOrDefault(name);

    private static IEnumerable<Dictionary<string, string>> Signatures(string said) =>
        from line in said.Split('\n')
        where line.StartsWith("HEADER DKIM-Signature", StringComparison.Ordinal)
        let value = line.Split(' ', 3)[2].Replace("\\n", "").Replace("\t", "").Replace(" ", "")
        select value.Split(';').Select(tag => tag.Split('=', 2)).ToDictionary(tag => tag[0], tag => tag[^1]);

    [GeneratedRegex(@"/etc/(opendkim|dkimkeys)(?=[/.\s]|$)")]
    private static partial Regex Moved();
}
