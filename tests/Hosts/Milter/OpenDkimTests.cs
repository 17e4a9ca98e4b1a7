using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Dkim.Tests.Hosts.Hosting;
using Dkim.Tests.Hosts.Tool;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Milter;

/// <summary>The program under the name opendkim: configurations as deployments have them (tests/opendkim), played by
/// miltertest, and what it is asked on the command line.</summary>
[Parallelizable(ParallelScope.All)]
internal sealed partial class OpenDkimTests
{
    private static readonly string folder = Path.Combine(AppContext.BaseDirectory, "opendkim");

    private static IEnumerable<string> Cases() => Directory.GetDirectories(folder).Select(path => Path.GetFileName(path)!).Order();

    [TestCaseSource(nameof(Cases))]
    public void Case(string name)
    {
        var miltertest = Tools.RequireProgram("miltertest", "miltertest");
        Tools.RequireRoot();
        using var scratch = new Scratch();
        using var document = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, name, "messages.json")));
        var root = document.RootElement;
        Prepare(scratch, name, root);
        var port = Tools.FreePort();
        using var filter = FilterProcess.StartOpenDkim(
            scratch, $"inet:{port}@127.0.0.1",
            "-f", "-x", scratch.At("opendkim.conf"), "-p", $"inet:{port}@127.0.0.1", "-P", scratch.At("pid"), "-u", "root");
        var messages = root.GetProperty("messages").EnumerateArray().ToArray();
        var script = scratch.Write("case.lua", Prelude + string.Concat(messages.Select(message => Script(port, message))));
        var ended = ToolRun.Start(scratch, miltertest, "", "-s", script);
        Assert.That(ended.Code, Is.Zero, $"{ended.Output}{ended.Error}\n{filter.Log}");
        var told = ended.Output.Split("MESSAGE ").Skip(1).ToDictionary(part => part.Split('\n')[0], part => part);
        using (Assert.EnterMultipleScope())
        {
            foreach (var message in messages)
                Judge(message, told[message.GetProperty("id").GetString()!], filter.Log);
        }
    }

    [Test]
    public void A_key_that_has_changed_signs_without_a_signal()
    {
        Tools.RequireRoot();
        var miltertest = Tools.RequireProgram("miltertest", "miltertest");
        using var scratch = new Scratch();
        scratch.Write("KeyTable", $"k example.com:s:{scratch.At("k.pem")}\n");
        scratch.Write("opendkim.conf", "KeyTable file:KeyTable\nSigningTable csl:example.com=k\nSyslog yes\n");
        var port = Tools.FreePort();
        using var filter = FilterProcess.StartOpenDkim(
            scratch, $"inet:{port}@127.0.0.1", "-f", "-x", scratch.At("opendkim.conf"), "-p", $"inet:{port}@127.0.0.1");
        var message = JsonDocument.Parse("""{"id":"K","ip":"127.0.0.1","host":"localhost","from":"joe@example.com"}""").RootElement;
        var script = scratch.Write("one.lua", Prelude + Script(port, message));
        string Signed() => ToolRun.Start(scratch, miltertest, "", "-s", script).Output;
        Assert.That(Signed(), Does.Contain("REPLY tempfail"));
        Assert.That(() => filter.Log, Does.Contain("K: error loading key 'k'").After(60_000, 50));
        Assert.That(filter.Log, Does.Contain("can't load key from"));
        WriteKey(scratch.At("k.pem"), "rsa1024");
        Assert.That(Signature(Signed()), Has.Length.InRange(160, 180));
        File.Delete(scratch.At("k.pem"));
        WriteKey(scratch.At("k.pem"), "rsa2048");
        Assert.That(Signature(Signed()), Has.Length.InRange(330, 350));
    }

    [Test]
    public void A_check_says_what_is_wrong_and_asks_for_no_socket()
    {
        using var scratch = new Scratch();
        var program = FilterProcess.OwnOpenDkim(scratch);
        scratch.Write("good", "Mode v\n");
        scratch.Write("bad", "Mode s\nKeyTable file:none\nSigningTable csl:a=b\nOn-BadSignature maybe\nSetupPolicyScript /x.lua\n");
        var good = ToolRun.Start(scratch, program, "", "-n", "-x", scratch.At("good"));
        Assert.That((good.Code, good.Output, good.Error), Is.EqualTo((0, "", "")));
        var bad = ToolRun.Start(scratch, program, "", "-n", "-x", scratch.At("bad"));
        Assert.That(bad.Code, Is.EqualTo(78));
        Assert.That(bad.Error, Does.Contain("file:none: dkimf_db_open(): No such file or directory: line 2")
            .And.Contain("unknown action \"maybe\"").And.Contain("SetupPolicyScript is Lua is not supported"));
    }

    // As Debian's package has them: the folder and the keys are the user's, and root starts the program.
    [Test]
    public void A_key_of_the_user_of_the_service_is_safe_and_anybody_elses_is_not()
    {
        Tools.RequireRoot();
        using var scratch = new Scratch();
        WriteKey(scratch.At("k.pem"), "rsa2048");
        Tools.Run("/", "/bin/chown", "nobody", scratch.At("k.pem"));
        const string Signing = "Domain example.com\nSelector s\nKeyFile k.pem\n";
        scratch.Write("mine", Signing + "UserID nobody\n");
        scratch.Write("other", Signing + "UserID daemon\n");
        var program = FilterProcess.OwnOpenDkim(scratch);
        string Said(string conf) => ToolRun.Start(scratch, program, "", "-n", "-x", scratch.At(conf)).Error;
        Assert.That(Said("mine"), Does.Not.Contain("not secure"));
        Assert.That(Said("other"), Does.Contain("key data is not secure").And.Contain("k.pem belongs to user"));
    }

    [Test]
    public void A_bad_signature_is_reported_by_the_command_of_the_settings()
    {
        var miltertest = Tools.RequireProgram("miltertest", "miltertest");
        using var scratch = new Scratch();
        var command = scratch.Write(
            "mta", $"#!/bin/sh\ncat > {scratch.At("mail.part")}\nmv {scratch.At("mail.part")} {scratch.At("mail")}\n",
            UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        var keys = File.ReadAllText(Path.Combine(folder, "13-dns-data", "pubkeys"));
        scratch.Write("dns", keys + "_report._domainkey.example.com ra=abuse; rr=v; rs=see=20example.com\n");
        scratch.Write(
            "conf",
            $"Mode v\nSendReports yes\nReportAddress reports@example.net\nReportBccAddress audit@example.net\nMTACommand {command}\n"
            + "TestDNSData file:dns\nOn-BadSignature reject\n");
        var port = Tools.FreePort();
        using var filter = FilterProcess.StartOpenDkim(
            scratch, $"inet:{port}@127.0.0.1", "-f", "-x", scratch.At("conf"), "-p", $"inet:{port}@127.0.0.1");
        var signature = "v=1; a=rsa-sha256; c=relaxed/simple; d=example.com; s=good; r=y; h=from:to; "
            + $"bh=Ba3gj8+xBPQLJTahTfzW6RbWQ/XPgESxkCi2B66PSQg=; b={Convert.ToBase64String(new byte[256])}";
        var message = JsonDocument.Parse(
            $$"""{"id":"R","ip":"192.0.2.1","envelope":"joe@example.com","headers":[["DKIM-Signature","{{signature}}"],["From","joe@example.com"],["To","a@example.org"]]}""").RootElement;
        var said = ToolRun.Start(scratch, miltertest, "", "-s", scratch.Write("one.lua", Prelude + Script(port, message)));
        Assert.That(said.Output, Does.Contain("REPLY replycode"), filter.Log);
        Assert.That(() => File.Exists(scratch.At("mail")), Is.True.After(60_000, 50), filter.Log);
        Assert.That(File.ReadAllText(scratch.At("mail")), Does.Contain("From: reports@example.net\r\nTo: abuse@example.com\r\nBcc: audit@example.net\r\n")
            .And.Contain("Auth-Failure: signature\r\n").And.Contain("Delivery-Result: reject\r\n"));
    }

    [Test]
    public void The_log_goes_to_standard_output_under_a_name_of_its_own()
    {
        using var scratch = new Scratch();
        scratch.Write("conf", "Mode v\nSyslogName gate-2\n");
        var port = Tools.FreePort();
        using var filter = FilterProcess.StartOpenDkim(
            scratch, $"inet:{port}@127.0.0.1", "-f", "-O", "-x", scratch.At("conf"), "-p", $"inet:{port}@127.0.0.1");
        Assert.That(() => filter.Log, Does.Match(@"^gate-2\[\d+\]: .*starting \(args: -f -O ").After(60_000, 50));
    }

    [TestCase("Canonicalization", 0, "relaxed/simple\n")]
    [TestCase("MultipleSignatures", 0, "True\n")]
    [TestCase("PidFile", 78, "")]
    [TestCase("Nonsense", 65, "")]
    public void The_value_of_a_key(string key, int code, string output)
    {
        using var scratch = new Scratch();
        scratch.Write("conf", "Canonicalization relaxed\nMultipleSignatures yes\nMode v\n");
        var ended = ToolRun.Start(scratch, FilterProcess.OwnOpenDkim(scratch), "", "-x", scratch.At("conf"), "-e", key);
        Assert.That((ended.Code, ended.Output), Is.EqualTo((code, output)));
    }

    [TestCase("csl: a = b c , d=e:f\na/1\nd/2\nx/1\n", 0, "'b c'\n\n'e'\n'f'\n\nopendkim: dkimf_db_get(): record not found\n\n")]
    [TestCase("foo:bar\na/1\n", 70, "")]
    [TestCase("csl:a=b\na\n", 64, "")]
    public void Look_ups(string input, int code, string output)
    {
        using var scratch = new Scratch();
        var ended = ToolRun.Start(scratch, FilterProcess.OwnOpenDkim(scratch), input, "-Q");
        Assert.That((ended.Code, ended.Output), Is.EqualTo((code, output)), ended.Error);
    }

    private static string Signature(string said) =>
        B().Match(said.Replace("\\n", "").Replace("\t", "").Replace(" ", "")).Groups[1].Value;

    private static void Prepare(Scratch scratch, string name, JsonElement root)
    {
        var place = root.GetProperty("folder").GetString()!;
        Directory.CreateDirectory(scratch.Root + place);
        foreach (var file in Directory.GetFiles(Path.Combine(folder, name)))
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

    private static void WriteKey(string path, string kind)
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

    private const string Prelude = """
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

    private static string Script(int port, JsonElement message)
    {
        var script = new StringBuilder($"function play()\nmt.echo(\"MESSAGE {Text(message, "id", "")}\")\n");
        script.Append($"local conn = mt.connect(\"inet:{port}@127.0.0.1\", 40, 0.05)\n");
        void Step(string call) => script.Append(call + "\nif ended(conn, \"\") then mt.disconnect(conn); return end\n");
        script.Append("mt.macro(conn, SMFIC_CONNECT, \"j\", \"mx.example.com\")\n");
        Step($"mt.conninfo(conn, {Lua(Text(message, "host", "client.example.net"))}, {Lua(Text(message, "ip", "203.0.113.9"))})");
        var macros = new List<string> { "\"i\"", Lua(Text(message, "id", "")) };
        if (message.TryGetProperty("auth", out var auth))
            macros.AddRange([Lua("{auth_type}"), Lua("PLAIN"), Lua("{auth_authen}"), Lua(auth.GetString()!)]);
        if (message.TryGetProperty("macros", out var told) && told.TryGetProperty("mail", out var atMail))
            macros.AddRange(atMail.EnumerateObject().SelectMany(pair => (string[])[Lua(pair.Name), Lua(pair.Value.GetString()!)]));
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

    private static void Judge(JsonElement message, string said, string log)
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

    [GeneratedRegex(@";b=([^;\r\n]*)")]
    private static partial Regex B();
}
