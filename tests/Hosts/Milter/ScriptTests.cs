using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using Dkim.Hosts.Tests.Hosting;
using NUnit.Framework;

namespace Dkim.Hosts.Tests.Milter;

/// <summary>Conversations with dkim-filter and dk-filter in Lua, run by miltertest: one script for each row of the tables
/// by which they decide. The comments at the top of a script say what it needs:
/// <c>conf: LINE</c> of the configuration, or for dk-filter <c>arguments: WORDS</c>; <c>file NAME: LINE</c>;
/// <c>key: NAME RECORD</c> for the file of keys, where $P stands for the public key; <c>sign NAME: TAGS</c>, a signature
/// over the usual message that the script finds in the variable NAME; <c>author: MAILBOX</c>, the message's From;
/// <c>log: TEXT</c> and <c>no log: TEXT</c>, what the log has to say in the end.</summary>
[CancelAfter(60_000)]
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

        var usual = "sel._domainkey.example.org v=DKIM1; k=rsa; p=$P";
        var records = Named(needs, "key").Prepend(usual).Select(record => record.Replace("$P", TestSignature.PublicKey(key)) + "\n");
        scratch.Write("keys.txt", string.Concat(records));

        var place = $"inet:{Tools.FreePort()}@127.0.0.1";
        using var filter = Start(scratch, place, needs);
        var author = Named(needs, "author").FirstOrDefault() ?? "Joe <joe@example.org>";
        string[] signatures = [.. needs
            .Where(need => need.What.StartsWith("sign ", StringComparison.Ordinal))
            .SelectMany(need => (string[])["-D", $"{need.What[5..]}={TestSignature.Make(key, author, need.Text)}"])];
        var (code, said) = Run(
            scratch, miltertest,
            ["-D", $"socket={place}", "-D", $"script={path}", "-D", $"author={author}", .. signatures,
             "-s", Path.Combine(folder, "run.lua")]);
        Assert.That(code, Is.Zero, $"{said}\n{filter.Log}");
        foreach (var text in Named(needs, "log"))
        {
            await Tools.Eventually(() => filter.Log.Contains(text), $"the log says \"{text}\": {filter.Log}", 5);
        }

        foreach (var text in Named(needs, "no log"))
        {
            Assert.That(filter.Log, Does.Not.Contain(text));
        }
    }

    private static FilterProcess Start(Scratch scratch, string place, (string What, string Text)[] needs)
    {
        if (Named(needs, "arguments").FirstOrDefault() is { } arguments)
        {
            return FilterProcess.StartPlain(scratch, FilterProcess.OwnForDomainKeys, place, [.. arguments.Split(' '), "-f", "-l", "-p", place]);
        }

        string[] logging = FilterProcess.Own == FilterProcess.OpenDkim ? [] : ["Syslog yes"];
        return FilterProcess.Start(scratch, FilterProcess.Own, place, [.. logging, .. Named(needs, "conf")]);
    }

    private static IEnumerable<(string What, string Text)> Needs(string path) =>
        from line in File.ReadLines(path).TakeWhile(line => line.StartsWith("--", StringComparison.Ordinal))
        let match = Need().Match(line)
        where match.Success
        select (match.Groups[1].Value, match.Groups[2].Value);

    private static IEnumerable<string> Named((string What, string Text)[] needs, string what) =>
        needs.Where(need => need.What == what).Select(need => need.Text);

    [GeneratedRegex("^-- (conf|arguments|key|author|log|no log|file [^ :]+|sign [a-z_]+):(?: (.*))?$")]
    private static partial Regex Need();

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
