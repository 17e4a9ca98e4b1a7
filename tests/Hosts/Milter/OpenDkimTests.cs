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
    [TestCaseSource(typeof(OpenDkimCase), nameof(OpenDkimCase.Names))]
    public void Case(string name)
    {
        Tools.RequireRoot();
        using var scratch = new Scratch();
        using var configuration = new OpenDkimCase(name);
        configuration.Prepare(scratch);
        configuration.Play(scratch);
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
        var script = scratch.Write("one.lua", OpenDkimCase.Prelude + OpenDkimCase.Script(port, message));
        string Signed() => ToolRun.Start(scratch, miltertest, "", "-s", script).Output;
        Assert.That(Signed(), Does.Contain("REPLY tempfail"));
        Assert.That(() => filter.Log, Does.Contain("K: error loading key 'k'").After(60_000, 50));
        Assert.That(filter.Log, Does.Contain("can't load key from"));
        OpenDkimCase.WriteKey(scratch.At("k.pem"), "rsa1024");
        Assert.That(Signature(Signed()), Has.Length.InRange(160, 180));
        File.Delete(scratch.At("k.pem"));
        OpenDkimCase.WriteKey(scratch.At("k.pem"), "rsa2048");
        Assert.That(Signature(Signed()), Has.Length.InRange(330, 350));
    }

    [Test]
    public void A_store_that_is_down_ends_a_start_only_without_SoftStart()
    {
        using var scratch = new Scratch();
        var program = FilterProcess.OwnOpenDkim(scratch);
        const string lines = "Mode v\nInternalHosts redis://127.0.0.1:1/hosts\n";
        scratch.Write("soft", lines);
        scratch.Write("hard", lines + "SoftStart no\n");
        var soft = ToolRun.Start(scratch, program, "", "-n", "-x", scratch.At("soft"));
        Assert.That((soft.Code, soft.Error), Is.EqualTo((0, "")));
        foreach (var option in new[] { "-n", "-f" })
        {
            var hard = ToolRun.Start(scratch, program, "", option, "-x", scratch.At("hard"), "-p", $"local:{scratch.At("socket")}");
            Assert.That(hard.Code, Is.EqualTo(78), hard.Error);
            Assert.That(hard.Error, Does.Contain("InternalHosts: the store does not answer: ").And.Contain("line 3"));
        }
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
            .And.Contain("unknown action \"maybe\"").And.Contain("SetupPolicyScript: Lua is not supported; SigningTable"));
    }

    /// <summary>The files of tests/opendkim/checks.json, by their names.</summary>
    private static IEnumerable<TestCaseData> Checks() =>
        JsonDocument.Parse(File.ReadAllText(Path.Combine(OpenDkimCase.Folder, "checks.json"))).RootElement.EnumerateArray()
            .Select(row => new TestCaseData(row).SetName($"A_check_of_{row.GetProperty("id").GetString()}"));

    [TestCaseSource(nameof(Checks))]
    public void A_check_of(JsonElement row)
    {
        using var scratch = new Scratch();
        string Whole(string text) => text.Replace("{25000}", new string('x', 25_000)).Replace("{other}", scratch.At("other"));
        if (row.TryGetProperty("files", out var files))
        {
            foreach (var file in files.EnumerateObject())
                scratch.Write(file.Name, Whole(file.Value.GetString()!));
        }

        var lines = row.GetProperty("conf").EnumerateArray().Select(line => Whole(line.GetString()!) + "\n");
        scratch.Write("conf", string.Concat(lines));
        var said = ToolRun.Start(scratch, FilterProcess.OwnOpenDkim(scratch), "", "-n", "-x", scratch.At("conf"));
        Assert.That(said.Code, Is.EqualTo(row.GetProperty("exit").GetInt32()), said.Error);
        Assert.That(said.Error, Does.Contain(row.TryGetProperty("says", out var says) ? says.GetString() : ""));
    }

    // As Debian's package has them: the folder and the keys are the user's, and root starts the program.
    [Test]
    public void A_key_of_the_user_of_the_service_is_safe_and_anybody_elses_is_not()
    {
        Tools.RequireRoot();
        using var scratch = new Scratch();
        OpenDkimCase.WriteKey(scratch.At("k.pem"), "rsa2048");
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
        var keys = File.ReadAllText(Path.Combine(OpenDkimCase.Folder, "13-dns-data", "pubkeys"));
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
        var said = ToolRun.Start(scratch, miltertest, "", "-s", scratch.Write("one.lua", OpenDkimCase.Prelude + OpenDkimCase.Script(port, message)));
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

    [GeneratedRegex(@";b=([^;\r\n]*)")]
    private static partial Regex B();
}
