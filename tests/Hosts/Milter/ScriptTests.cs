using System.Diagnostics;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using Dkim.Core.Programs.Running;
using Dkim.Tests.Hosts.Hosting;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Milter;

/// <summary>Conversations with dkim-filter and dk-filter in Lua, run by miltertest: one script for each row of the
/// tables by which they decide. The comments at the top of a script say what it needs:
/// <c>conf: LINE</c> of the configuration, or for dk-filter <c>arguments: WORDS</c>; <c>file NAME: LINE</c>;
/// <c>key: NAME RECORD</c> for the file of keys, where $P stands for the public key; <c>sign NAME: TAGS</c> and
/// <c>domainkey NAME: TAGS</c>, a signature over the usual message that the script finds in the variable NAME;
/// <c>author: MAILBOX</c>, the message's From; <c>log: TEXT</c> and <c>no log: TEXT</c>, what the log has to say in
/// the end. The keys are also in a name server, which a dk-filter that verifies asks, since it knows no file of keys, and
/// dkim-filter where a line of its configuration has $N. The server refuses questions about other domains.</summary>
[Parallelizable(ParallelScope.All)]
internal sealed partial class ScriptTests
{
    private static readonly string folder = Path.Combine(AppContext.BaseDirectory, "miltertest");
    private static readonly RSA key = RSA.Create(2048);

    private static IEnumerable<string> Scripts() =>
        from path in Directory.EnumerateFiles(folder, "*.lua")
        let name = Path.GetFileNameWithoutExtension(path)
        where name is not ("run" or "dialogue")
        orderby name
        select name;

    [TestCaseSource(nameof(Scripts))]
    public async Task Script(string name)
    {
        var miltertest = Tools.RequireProgram("miltertest", "miltertest");
        var path = Path.Combine(folder, name + ".lua");
        var needs = Needs(path).ToArray();
        using var scratch = new Scratch();
        scratch.Write("key.pem", key.ExportPkcs8PrivateKeyPem(), UnixFileMode.UserRead | UnixFileMode.UserWrite);
        foreach (var file in needs.Where(need => need.What.StartsWith("file ", StringComparison.Ordinal)).GroupBy(need => need.What[5..]))
        {
            scratch.Write(file.Key, string.Concat(file.Select(need => need.Text + "\n")));
        }

        const string Usual = "sel._domainkey.example.org v=DKIM1; k=rsa; p=$P";
        string[] records =
            [.. Named(needs, "key").Prepend(Usual).Select(line => line.Replace("$P", TestSignature.PublicKey(key)))];
        scratch.Write("keys.txt", string.Join('\n', records) + "\n");

        var place = $"inet:{Tools.FreePort()}@127.0.0.1";
        using var server = StartServer(needs, records);
        using var filter = Start(scratch, place, needs, server);
        var author = Named(needs, "author").FirstOrDefault() ?? "Joe <joe@example.org>";
        string[] signatures = [.. Signatures(needs, author).SelectMany(signature => (string[])["-D", signature])];
        var (code, said) = Run(
            scratch, miltertest,
            ["-D", $"socket={place}", "-D", $"script={path}", "-D", $"author={author}", .. signatures,
             "-s", Path.Combine(folder, "run.lua")]);
        Assert.That(code, Is.Zero, $"{said}\n{filter.Log}");
        foreach (var text in Named(needs, "log"))
        {
            await Tools.Eventually(() => filter.Log.Contains(text), $"the log says \"{text}\": {filter.Log}");
        }

        foreach (var text in Named(needs, "no log"))
        {
            Assert.That(filter.Log, Does.Not.Contain(text));
        }
    }

    // A row is proven where its scripts look for each result that it names, and set each setting.
    [Test]
    public void Each_row_of_the_tables_has_its_scripts()
    {
        var rows = DecisionRows().ToArray();
        Assert.That(rows, Has.Length.GreaterThan(15), "the tables are there");
        using (Assert.EnterMultipleScope())
        {
            foreach (var row in rows)
            {
                string[] texts =
                    [.. row[4].Split(", ").Select(name => File.ReadAllText(Path.Combine(folder, name + ".lua")))];
                var results = Quoted().Matches(row[1]).Select(match => match.Groups[1].Value);
                var settings = SettingName().Matches(row[2]).Select(match => match.Value);
                foreach (var text in results.Select(Unfilled).Concat(settings))
                {
                    Assert.That(texts, Has.Some.Contains(text), $"the scripts of \"{row[0]}\"");
                }
            }
        }
    }

    private static IEnumerable<string[]> DecisionRows() =>
        File.ReadLines(Path.Combine(folder, "milter.md"))
            .SkipWhile(line => !line.StartsWith("| verified |", StringComparison.Ordinal))
            .TakeWhile(line => !line.StartsWith("## ", StringComparison.Ordinal))
            .Where(line => line.StartsWith("| ", StringComparison.Ordinal))
            .Where(line => !line.StartsWith("| verified |", StringComparison.Ordinal))
            .Select(line => line.Trim('|', ' ').Split('|', StringSplitOptions.TrimEntries));

    // What stands there whatever the case.
    private static string Unfilled(string result) => VariablePart().Replace(result, "");

    private static IEnumerable<string> Signatures((string What, string Text)[] needs, string author) =>
        from need in needs
        let words = need.What.Split(' ')
        where words[0] is "sign" or "domainkey"
        let value = words[0] == "sign"
            ? TestSignature.Make(key, author, need.Text)
            : TestSignature.MakeDomainKey(key, author, need.Text)
        select $"{words[1]}={value}";

    private static Nsd? StartServer((string What, string Text)[] needs, IEnumerable<string> records)
    {
        var forDomainKeys = Named(needs, "arguments").Any(words => words.StartsWith("-b v", StringComparison.Ordinal));
        if (!forDomainKeys && !Named(needs, "conf").Any(line => line.Contains("$N")))
        {
            return null;
        }

        var lines = records.Select(record => record.Split(' ', 2)).Select(pair => Nsd.Txt(pair[0] + ".", pair[1]));
        var zones = new Dictionary<string, string> { ["example.org"] = string.Join('\n', lines) };
        if (!forDomainKeys)
        {
            return new Nsd(zones);
        }

        // A server of resolv.conf has the one port that there is for it.
        Tools.RequireRoot();
        var address = new byte[4];
        Random.Shared.NextBytes(address);
        address[0] = 127;
        return new Nsd(zones, at: new IPEndPoint(new IPAddress(address), 53));
    }

    private static FilterProcess Start(Scratch scratch, string place, (string What, string Text)[] needs, Nsd? server)
    {
        if (Named(needs, "arguments").FirstOrDefault() is { } words)
        {
            string[] arguments = [.. words.Split(' '), "-f", "-l", "-p", place];
            return server is null
                ? FilterProcess.StartPlain(scratch, FilterProcess.OwnForDomainKeys, place, arguments)
                : FilterProcess.StartAsking(
                    scratch, scratch.Write("resolv.conf", $"nameserver {server.Address.Address}\n"),
                    FilterProcess.OwnForDomainKeys, place, arguments);
        }

        string[] logging = FilterProcess.Own == FilterProcess.OpenDkim ? [] : ["Syslog yes"];
        var address = $"{server?.Address.Address}@{server?.Address.Port}";
        var lines = Named(needs, "conf").Select(line => line.Replace("$N", address));
        return FilterProcess.Start(scratch, FilterProcess.Own, place, [.. logging, .. lines]);
    }

    private static IEnumerable<(string What, string Text)> Needs(string path) =>
        from line in File.ReadLines(path).TakeWhile(line => line.StartsWith("--", StringComparison.Ordinal))
        let match = Need().Match(line)
        where match.Success
        select (match.Groups[1].Value, match.Groups[2].Value);

    private static IEnumerable<string> Named((string What, string Text)[] needs, string what) =>
        needs.Where(need => need.What == what).Select(need => need.Text);

    [GeneratedRegex("^-- (conf|arguments|key|author|log|no log|file [^ :]+|(?:sign|domainkey) [a-z_]+):(?: (.*))?$")]
    private static partial Regex Need();

    [GeneratedRegex("`([^`]*)`")]
    private static partial Regex Quoted();

    [GeneratedRegex("On-[A-Za-z]+|ADSP[A-Za-z]+|-C [a-z]+=")]
    private static partial Regex SettingName();

    [GeneratedRegex(@" ?\(?(\.\.\.|TEXT)\)$")]
    private static partial Regex VariablePart();

    private static (int Code, string Said) Run(Scratch scratch, string program, string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = scratch.Root,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        var error = process.StandardError.ReadToEndAsync();
        var said = new StringBuilder(process.StandardOutput.ReadToEnd());
        process.WaitForExit();
        return (process.ExitCode, said.Append(error.Result).ToString());
    }
}
