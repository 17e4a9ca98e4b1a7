using System.Security.Cryptography;
using System.Text.Json;
using System.Text.RegularExpressions;
using Dkim.Tests.Hosts.Hosting;
using Dkim.Tests.Hosts.Proxy;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Tool;

/// <summary>dkim and its kin as an administrator runs them: files, pipes, exit codes, other programs' opinion.</summary>
public sealed class ToolTests
{
    private const string Message =
        "From: Ann <ann@example.com>\r\nTo: bob@example.org\r\nSubject: hello\r\nDate: Fri, 20 Nov 2026 12:00:00 +0000\r\n\r\nHello,  Bob.\r\n";

    private Scratch scratch = null!;

    [SetUp]
    public void MakeScratch() => scratch = new Scratch();

    [TearDown]
    public void RemoveScratch() => scratch.Dispose();

    [TestCase("rsa")]
    [TestCase("ed25519")]
    public void A_new_key_signs_and_its_record_verifies(string type)
    {
        MakeKey("mail", $"--type={type}");
        var signed = Sign("mail");
        var verified = Dkim(signed, "verify", "--json", "--zone", "zone.json");
        Assert.That(verified.Code, Is.Zero, verified.Error);
        var signature = JsonDocument.Parse(verified.Output).RootElement.GetProperty("signatures")[0];
        Assert.That(signature.GetProperty("result").GetString(), Is.EqualTo("pass"));
    }

    [Test]
    [Category("RFC6376-3.1-2")]
    [Category("RFC6376-8.3-1")]
    public void The_private_key_can_be_read_by_its_owner_only_and_is_never_replaced()
    {
        MakeKey("mail", "--bits=1024");
        Assert.That(
            File.GetUnixFileMode(scratch.At("mail.private")), Is.EqualTo(UnixFileMode.UserRead | UnixFileMode.UserWrite));
        var before = File.ReadAllText(scratch.At("mail.private"));
        var again = Dkim("", "genkey", "--selector=mail", "--domain=example.com", "--bits=1024");
        Assert.That(again.Code, Is.EqualTo(73));
        Assert.That(again.Output, Is.Empty);
        Assert.That(again.Error, Does.Contain("mail.private: file exists"));
        Assert.That(File.ReadAllText(scratch.At("mail.private")), Is.EqualTo(before));
    }

    [Test]
    public void A_link_to_a_file_that_is_not_there_is_not_followed()
    {
        File.CreateSymbolicLink(scratch.At("mail.private"), scratch.At("elsewhere"));
        var made = Dkim("", "genkey", "--selector=mail", "--domain=example.com", "--bits=1024");
        Assert.That(made.Code, Is.EqualTo(73));
        Assert.That(File.Exists(scratch.At("elsewhere")), Is.False);
    }

    [Test]
    [Category("RFC6376-8.3-1")]
    public void A_key_that_others_can_read_is_used_with_a_warning()
    {
        MakeKey("mail", "--bits=1024");
        File.SetUnixFileMode(scratch.At("mail.private"), (UnixFileMode)0b110_100_100);
        var signed = Dkim(Message, "sign", "--key=mail.private", "--selector=mail", "--domain=example.com");
        Assert.That(signed.Code, Is.Zero);
        Assert.That(signed.Error, Does.Contain("mail.private: mode 0644").And.Contain("chmod 0640"));
    }

    [Test]
    public void A_resolver_that_cannot_be_had_is_a_service_that_is_missing()
    {
        MakeKey("mail", "--bits=1024");
        var ended = Dkim(Sign("mail"), "verify", "--resolver=dnsclient", "--trust-anchor=anchors");
        Assert.That((ended.Code, ended.Error), Is.EqualTo((
            69, "dkim: the trust anchors of anchors need libunbound; write resolver unbound, or auto\n")));
    }

    [Test]
    public void A_public_key_may_be_read_by_others()
    {
        MakeKey("mail", "--bits=1024");
        using var key = RSA.Create();
        key.ImportFromPem(File.ReadAllText(scratch.At("mail.private")));
        scratch.Write("mail.public", key.ExportSubjectPublicKeyInfoPem());
        var ofPublic = Dkim("", "record", "--as=string", "mail.public");
        Assert.That((ofPublic.Code, ofPublic.Error), Is.EqualTo((0, "")));
        Assert.That(ofPublic.Output, Is.EqualTo(Dkim("", "record", "--as=string", "mail.private").Output));
    }

    [Test]
    public void Without_a_terminal_nothing_but_the_result_is_on_standard_output()
    {
        MakeKey("mail", "--bits=1024");
        var signed = Dkim(Message, "sign", "--key=mail.private", "--selector=mail", "--domain=example.com");
        Assert.That(signed.Output, Does.StartWith("DKIM-Signature: ").And.EndWith("\r\n"));
        Assert.That(signed.Error, Is.Empty);
    }

    [Test]
    public void A_batch_passes_over_pipes_and_does_not_go_in_circles()
    {
        Directory.CreateDirectory(scratch.At("mail"));
        scratch.Write("mail/one.eml", Message);
        Tools.Run(scratch.Root, "/usr/bin/mkfifo", scratch.At("mail/pipe"));
        File.CreateSymbolicLink(scratch.At("mail/again"), scratch.At("mail"));
        File.CreateSymbolicLink(scratch.At("mail/linked.eml"), scratch.At("mail/one.eml"));
        File.CreateSymbolicLink(scratch.At("mail/gone.eml"), scratch.At("mail/nothing"));
        var verified = Dkim("", "verify", "--batch", "mail");
        Assert.That(verified.Code, Is.Zero, verified.Error);
        var paths = verified.Output.TrimEnd().Split('\n')
            .Select(line => JsonDocument.Parse(line).RootElement.GetProperty("file").GetString());
        Assert.That(paths, Is.EqualTo(new[] { "mail/linked.eml", "mail/one.eml" }));
    }

    [Test]
    public void A_list_that_names_what_is_no_file_keeps_nobody_waiting()
    {
        scratch.Write("one.eml", Message);
        Directory.CreateDirectory(scratch.At("folder"));
        Tools.Run(scratch.Root, "/usr/bin/mkfifo", scratch.At("pipe"));
        File.CreateSymbolicLink(scratch.At("linked"), scratch.At("pipe"));
        string[] listed = ["pipe", "linked", "/dev/zero", "folder", "a: b", "-", "one.eml"];
        scratch.Write("list", string.Join('\n', listed) + "\n");
        var verified = Dkim("", "verify", "--batch", "list");
        Assert.That(verified.Code, Is.EqualTo(65));
        var told = verified.Output.TrimEnd().Split('\n').Select(line => JsonDocument.Parse(line).RootElement).Select(line =>
            (line.GetProperty("file").GetString(), line.TryGetProperty("error", out var error) ? error.GetString() : null));
        Assert.That(told, Is.EqualTo(new[]
        {
            ("pipe", "not a plain file"), ("linked", "not a plain file"), ("/dev/zero", "not a plain file"),
            ("folder", "not a plain file"), ("a: b", "no such file"), ("-", "no such file"), ("one.eml", null),
        }));
    }

    [Test]
    public void A_pipe_that_is_named_as_the_message_is_read()
    {
        scratch.Write("one.eml", Message);
        ToolRun.Link(scratch, "dkim");
        var told = ToolRun.Start(scratch, "/bin/bash", "", "-c", "./dkim verify <(cat one.eml)");
        Assert.That(told.Output, Does.Contain(": no signatures: the header has "), told.Error);
    }

    [Test]
    public void A_batch_prints_one_object_a_line()
    {
        MakeKey("mail", "--bits=1024");
        Directory.CreateDirectory(scratch.At("in/new"));
        File.WriteAllText(scratch.At("in/new/1"), Sign("mail"));
        File.WriteAllText(scratch.At("in/2"), Message.Replace("\r\n", "\n", StringComparison.Ordinal));
        var told = Dkim("", "verify", "--batch", "in", "--zone=zone.json");
        Assert.That(told.Code, Is.Zero, told.Error);
        var lines = told.Output.TrimEnd('\n').Split('\n').Select(line => JsonDocument.Parse(line).RootElement).ToArray();
        Assert.That(lines.Select(line => line.GetProperty("file").GetString()), Is.EqualTo(new[] { "in/2", "in/new/1" }));
        Assert.That(
            lines[1].GetProperty("signatures")[0].GetProperty("result").GetString(), Is.EqualTo("pass"));
    }

    [Test]
    public void Explain_finds_what_a_list_did()
    {
        MakeKey("mail", "--bits=1024");
        var changed = Sign("mail").Replace("Subject: ", "Subject: [list] ", StringComparison.Ordinal) + "-- \r\nfooter\r\n";
        var told = Dkim(changed, "explain", "--zone=zone.json");
        Assert.That(told.Code, Is.Zero, told.Error);
        Assert.That(told.Output, Does.Contain("Subject got the prefix \"[list] \""));
        Assert.That(told.Output, Does.Contain("a footer of 12 octets was appended"));
    }

    [Test]
    public void Files_that_cannot_be_read_are_named()
    {
        Assert.That(Dkim("", "verify", "missing").Error, Is.EqualTo("dkim: missing: no such file\n"));
        Directory.CreateDirectory(scratch.At("folder"));
        var verify = Dkim("", "verify", "folder");
        Assert.That((verify.Code, verify.Error), Is.EqualTo((0, "dkim verify: there is no message\n")));
        var explain = Dkim("", "explain", "folder");
        Assert.That((explain.Code, explain.Error), Is.EqualTo((65, "dkim explain: folder: a directory, no file\n")));
        var sign = Dkim("", "sign", "--key=folder", "--selector=s", "--domain=example.com");
        Assert.That(sign.Error, Does.Contain("folder: not a plain file"));
    }

    [Test]
    [Category("RFC6376-3.3.1-2")]
    [Category("RFC6376-3.6.1-5")]
    [Category("RFC8463-4.2-1")]
    public void Openssl_reads_the_keys()
    {
        var openssl = Tools.RequireProgram("openssl", "openssl");
        MakeKey("r", "--bits=2048");
        MakeKey("e", "--type=ed25519");
        Assert.That(Tools.Run(scratch.Root, openssl, "pkey", "-in", "r.private", "-noout", "-text", "-check"),
            Does.Contain("2048 bit").And.Contain("publicExponent: 65537").And.Contain("Key is valid"));
        var data = Record("e").Split("p=")[1].Trim();
        var theirs = Tools.Run(scratch.Root, openssl, "pkey", "-in", "e.private", "-pubout");
        var der = Convert.FromBase64String(string.Concat(theirs.Split('\n').Where(line => !line.StartsWith('-'))));
        Assert.That(data, Is.EqualTo(Convert.ToBase64String(der[^32..])));
        var rsa = Tools.Run(scratch.Root, openssl, "pkey", "-in", "r.private", "-pubout");
        Assert.That(Record("r").Split("p=")[1].Trim(),
            Is.EqualTo(string.Concat(rsa.Split('\n').Where(line => !line.StartsWith('-')))));
    }

    [Test]
    public void What_opendkim_signs_with_our_key_we_verify()
    {
        var opendkim = Tools.RequireProgram("opendkim-testmsg", "opendkim-tools");
        MakeKey("mail", "--bits=2048");
        var unix = Message.Replace("\r\n", "\n", StringComparison.Ordinal);
        var signed = ToolRun.Start(
            scratch, opendkim, unix, "-C", "-d", "example.com", "-s", "mail", "-k", scratch.At("mail.private"));
        Assert.That(signed.Code, Is.Zero, signed.Error);
        // It signs with rsa-sha1. Without -C it damages its own b=, with it the field alone has CRLF.
        var told = Dkim(signed.Output, "verify", "--zone=zone.json", "--allow-sha1", "--line-ends=lf");
        Assert.That(told.Output, Does.Contain("dkim 1: pass"));
    }

    [Test]
    public void What_we_sign_dkimpy_verifies()
    {
        var python = Tools.RequireProgram("python3", "python3");
        if (!File.Exists("/usr/lib/python3/dist-packages/dkim/__init__.py"))
        {
            Assert.Ignore("left out: dkimpy is missing (Debian package python3-dkim)");
        }

        const string Script =
            "import sys, json, dkim\n" +
            "zone = json.load(open('zone.json'))\n" +
            "find = lambda name, **_: ''.join(zone[name.decode().rstrip('.')][0]).encode()\n" +
            "print(dkim.verify(sys.stdin.buffer.read(), dnsfunc=find))\n";
        MakeKey("mail", "--bits=2048");
        foreach (var options in (string[][])[[], ["--header-canon=simple", "--body-canon=simple"], ["--seal", "--length"]])
        {
            var told = ToolRun.Start(scratch, python, Sign("mail", options), "-c", Script);
            Assert.That(told.Output.Trim(), Is.EqualTo("True"), told.Error);
        }
    }

    [Test]
    public void Keys_are_found_in_a_real_zone()
    {
        MakeKey("good", "--bits=2048");
        MakeKey("other", "--bits=1024");
        using var nsd = new Nsd(new Dictionary<string, string>
        {
            ["example.com"] = string.Join('\n',
                Nsd.Txt("good._domainkey", Record("good")),
                Nsd.Txt("other._domainkey", Record("good")),
                Nsd.Txt("quoted._domainkey", "\\\"" + Record("good") + "\\\""),
                "gone._domainkey CNAME nowhere.example.com.",
                "empty._domainkey A 127.0.0.1",
                Nsd.Txt("far._domainkey.example.com", Record("good"))),
        });
        var server = $"--nameserver={nsd.Address.Address}@{nsd.Address.Port}";
        foreach (var resolver in (string[])["--resolver=auto", "--resolver=system"])
        {
            (int, string) Test(string selector, string key = "good.private")
            {
                var told = Dkim(
                    "", "testkey", $"--selector={selector}", "--domain=example.com", $"--key={key}", server, resolver);
                return (told.Code, told.Output + told.Error);
            }

            Assert.That(Test("good").Item1, Is.Zero, resolver);
            Assert.That(Test("other", "other.private").Item2, Does.Contain("not the public half"), resolver);
            Assert.That(Test("quoted").Item2, Does.Contain("quotation marks are part"), resolver);
            Assert.That(Test("gone").Item2, Does.Contain("is a CNAME"), resolver);
            Assert.That(Test("empty").Item2, Does.Contain("no TXT record"), resolver);
            Assert.That(Test("far").Item2, Does.Contain("final dot"), resolver);
            Assert.That(Test("missing").Item2, Does.Contain("does not exist"), resolver);
            var verified = Dkim(Sign("good"), "verify", server, resolver);
            Assert.That(verified.Output, Does.Contain("dkim 1: pass"), resolver);
        }
    }

    [Test]
    public void Opendkim_finds_the_key_that_we_publish()
    {
        var testkey = Tools.RequireProgram("opendkim-testkey", "opendkim-tools");
        var made = ToolRun.Run(scratch, "dkim-genkey", "", "-s", "mail", "-d", "example.com", "-v");
        Assert.That(made.Code, Is.Zero, made.Error);
        using var nsd = new Nsd(new Dictionary<string, string>
        {
            ["example.com"] = File.ReadAllText(scratch.At("mail.txt")),
        });
        var forward = $"forward-addr: {nsd.Address.Address}@{nsd.Address.Port}";
        scratch.Write("unbound.conf", $"server:\n  do-not-query-localhost: no\nforward-zone:\n  name: \".\"\n  {forward}\n");
        scratch.Write("opendkim.conf", $"ResolverConfiguration {scratch.At("unbound.conf")}\n");
        string[] key = ["-d", "example.com", "-s", "mail", "-k", scratch.At("mail.private"), "-vvv"];
        var theirs = ToolRun.Start(scratch, testkey, "", ["-x", scratch.At("opendkim.conf"), .. key]);
        Assert.That(theirs.Output, Does.Contain("key OK"));
        var ours = ToolRun.Run(
            scratch, "dkim-testkey", "", [.. key, $"--nameserver={nsd.Address.Address}@{nsd.Address.Port}"]);
        Assert.That(
            (ours.Code, ours.Output, ours.Error),
            Is.EqualTo((theirs.Code, Normal(theirs.Output), Normal(theirs.Error))));
    }

    [TestCase("dkim-genkey")]
    [TestCase("opendkim-genkey")]
    public void Dkim_genkey_writes_the_record_that_opendkim_genkey_writes(string name)
    {
        var genkey = Tools.RequireProgram("opendkim-genkey", "opendkim-tools");
        string[] options = ["-s", "mail", "-d", "example.com", "-b", "2048", "-a", "-t", "-S", "-r"];
        Directory.CreateDirectory(scratch.At("theirs"));
        Directory.CreateDirectory(scratch.At("ours"));
        var theirs = ToolRun.Start(scratch, genkey, "", ["-D", scratch.At("theirs"), .. options]);
        var ours = ToolRun.Run(scratch, name, "", ["-D", scratch.At("ours"), .. options]);
        Assert.That((ours.Code, ours.Output, ours.Error), Is.EqualTo((theirs.Code, theirs.Output, theirs.Error)));
        foreach (var file in (string[])["mail.private", "mail.txt"])
        {
            Assert.That(
                File.GetUnixFileMode(scratch.At($"ours/{file}")), Is.EqualTo(File.GetUnixFileMode(scratch.At($"theirs/{file}"))));
        }

        Assert.That(WithoutKey("ours/mail.txt"), Is.EqualTo(WithoutKey("theirs/mail.txt")));
    }

    [TestCase]
    [TestCase("-F", "-t", "300")]
    [TestCase("-D", "-M")]
    [TestCase("-d", "b.example")]
    [TestCase("-d", "example", "-s", "-S", "-N", "ns1.example,ns2.example", "-C", "admin@x.example", "-E", "5", "-R", "1")]
    [TestCase("-u", "-F", "-N", "ns1.example")]
    public void Opendkim_genzone_writes_the_zone_that_the_original_writes(params string[] options)
    {
        var genzone = Tools.RequireProgram("opendkim-genzone", "opendkim-tools");
        foreach (var name in (string[])["a", "b"])
            ToolRun.Run(scratch, "opendkim-genkey", "", "-s", name, "-d", $"{name}.example", "-b", "1024");
        scratch.Write(
            "table", $"one a.example:a:{scratch.At("a.private")}\ntwo b.example:b:{scratch.At("b.private")}\n");
        string[] arguments = [.. options, $"file:{scratch.At("table")}"];
        var theirs = ToolRun.Start(scratch, genzone, "", arguments);
        var ours = ToolRun.Run(scratch, "opendkim-genzone", "", arguments);
        Assert.That((ours.Code, Undated(ours.Output)), Is.EqualTo((theirs.Code, Undated(theirs.Output))));
    }

    [Test]
    public void Dknewkey_leaves_a_key_and_prints_its_record()
    {
        var made = ToolRun.Run(scratch, "dknewkey", "", "default", "1024");
        Assert.That(made.Code, Is.Zero, made.Error);
        Assert.That(made.Output, Does.Match("^default\\._domainkey\tIN\tTXT\t\"k=rsa; p=[A-Za-z0-9+/=]+\"\n$"));
        var record = made.Output.Split('"')[1];
        scratch.Write("zone.json", $"{{\"default._domainkey.example.com\": [\"{record}\"]}}");
        var signed = Dkim(
            Message, "sign", "--scheme=domainkeys", "--key=default", "--selector=default", "--domain=example.com", "--message");
        Assert.That(Dkim(signed.Output, "verify", "--zone=zone.json").Output, Does.Contain("domainkeys 1: pass"));
    }

    // Ours has the time of UTC.
    private static string Undated(string zone) =>
        Regex.Replace(Regex.Replace(zone, " at [A-Z].*\n", "\n"), "\t[0-9]{10} +; Serial", "\tN; Serial");

    // The base64 of a key differs, the places where it is cut do not.
    private string WithoutKey(string path) =>
        System.Text.RegularExpressions.Regex.Replace(File.ReadAllText(scratch.At(path)), "[A-Za-z0-9+/=]{20,}",
            found => $"({found.Length})");

    private static string Normal(string errors) => errors.Replace("opendkim-testkey", "dkim-testkey", StringComparison.Ordinal);

    private ToolRun.Ended Dkim(string input, params string[] arguments) =>
        ToolRun.Run(scratch, "dkim", input, arguments);

    /// <summary>Makes SELECTOR.private, and zone.json with its record.</summary>
    [TestCase("bin")]
    [TestCase("sbin", Description = "as packages have it")]
    public void The_demonstration_signs_verifies_and_finds_the_change(string folder)
    {
        ProxyProcess.Link(scratch, $"{folder}/dkimproxy.out");
        ProxyProcess.Link(scratch, $"{folder}/dkimproxy.in");
        Directory.CreateDirectory(scratch.At("bin"));
        var dkim = ToolRun.Link(scratch, "bin/dkim");
        var ended = ToolRun.Start(scratch, "/usr/bin/env", "", $"DKIM_BIN={scratch.At("bin")}", dkim, "demo");
        Assert.That(ended.Code, Is.Zero, ended.Error);
        Assert.That(ended.Output, Does.EndWith("signed and verified; the change was found\n"));
    }

    private void MakeKey(string selector, params string[] options)
    {
        var made = Dkim("", ["genkey", $"--selector={selector}", "--domain=example.com", "--form=json", .. options]);
        Assert.That(made.Code, Is.Zero, made.Error);
        scratch.Write("zone.json", made.Output);
        scratch.Write($"{selector}.json", made.Output);
    }

    private string Record(string selector)
    {
        var zone = JsonDocument.Parse(File.ReadAllText(scratch.At($"{selector}.json"))).RootElement;
        var strings = zone.EnumerateObject().Single().Value[0].EnumerateArray().Select(piece => piece.GetString());
        return string.Concat(strings);
    }

    private string Sign(string selector, params string[] options)
    {
        var signed = Dkim(
            Message, ["sign", $"--key={selector}.private", $"--selector={selector}", "--domain=example.com", "--message", .. options]);
        Assert.That(signed.Code, Is.Zero, signed.Error);
        return signed.Output;
    }
}
