using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using System.Security.Cryptography;
using Dkim.Core.Programs.Running;
using Dkim.Tests.Hosts.Hosting;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Milter;

/// <summary>A folder with a key, the record of it, and a configuration for each filter that a test starts; what was started ends with
/// the test.</summary>
public abstract class ServiceFixture
{
    private protected Scratch scratch = null!;

    private protected readonly List<int> started = [];

    private protected string Socket => scratch.At("socket");

    private protected string Place => "local:" + Socket;

    [SetUp]
    public void SetUp()
    {
        scratch = new Scratch();
        File.SetUnixFileMode(scratch.Root, (UnixFileMode)0x1FF);
        using var key = RSA.Create(2048);
        scratch.Write("mail.private", key.ExportPkcs8PrivateKeyPem(), UnixFileMode.UserRead | UnixFileMode.UserWrite);
        scratch.Write("keys", $"mail._domainkey.example.org v=DKIM1; p={TestSignature.PublicKey(key)}\n");
    }

    [TearDown]
    public void TearDown()
    {
        foreach (var process in started.Where(IsAlive).SelectMany(process => ChildrenOf(process).Prepend(process)).ToArray())
            Kill(process, "KILL");
        started.Clear();
        scratch.Dispose();
    }

    private protected FilterRun Start(params string[] lines)
    {
        var run = Run(lines);
        Assert.That(run.ExitCode, Is.Zero, run.Errors);
        started.Add(PidOf("pid"));
        return run;
    }

    private protected FilterRun Run(params string[] lines)
    {
        Configure(lines);
        return FilterRun.Of(scratch, "dkim-filter", "-x", "conf");
    }

    private protected void Configure(params string[] lines) => scratch.Write("conf", string.Join('\n', Lines(lines)) + "\n");

    private protected string[] Lines(params string[] lines) =>
    [
        $"Socket {Place}", "Domain example.org", "Selector mail", $"KeyFile {scratch.At("mail.private")}",
        $"TestPublicKeys {scratch.At("keys")}", .. lines.Select(Located),
    ];

    // The filter may stand in another directory than the test.
    private protected string Located(string line) => line.StartsWith("PidFile pid", StringComparison.Ordinal)
        ? "PidFile " + scratch.At(line["PidFile ".Length..])
        : line;

    private protected int Code(params string[] arguments) => FilterRun.Of(scratch, "dkim-filter", arguments).ExitCode;

    private protected string Signature()
    {
        using var mta = new Mta(Socket);
        return mta.Pass("me@example.org")[0];
    }

    private protected bool Signs()
    {
        try
        {
            return Signature().Contains("DKIM-Signature", StringComparison.Ordinal);
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private protected async Task<int> ChildAsync(int parent, int other)
    {
        var child = 0;
        await Tools.Eventually(
            () => (child = ChildrenOf(parent).FirstOrDefault(process => process != other)) != 0, "there is a child");
        started.Add(child);
        return child;
    }

    // A thread may end between two looks.
    private protected static IEnumerable<int> ChildrenOf(int parent)
    {
        try
        {
            return
            [
                .. Directory.GetDirectories($"/proc/{parent}/task")
                    .SelectMany(task => File.ReadAllText($"{task}/children").Split(' ', StringSplitOptions.RemoveEmptyEntries))
                    .Select(text => int.Parse(text, CultureInfo.InvariantCulture))
                    .Where(IsAlive),
            ];
        }
        catch (IOException)
        {
            return [];
        }
    }

    private protected int PidOf(string file) => int.Parse(File.ReadAllText(scratch.At(file)), CultureInfo.InvariantCulture);

    private protected static bool IsAlive(int process) =>
        File.Exists($"/proc/{process}/stat")
        && !File.ReadAllText($"/proc/{process}/stat").Contains(") Z ", StringComparison.Ordinal);

    private protected static void Kill(int process, string signal)
    {
        using var kill = Process.Start("/bin/kill", ["-" + signal, process.ToString(CultureInfo.InvariantCulture)])!;
        kill.WaitForExit();
    }

    private protected static int ModeOf(string path) => Convert.ToInt32(Tools.Run("/", "/usr/bin/stat", "-c", "%a", path).Trim(), 8);

    private protected static string CoreLimit(int process) => Limit(process, "Max core file size");

    private protected static string Limit(int process, string name) => File.ReadAllLines($"/proc/{process}/limits")
        .First(line => line.StartsWith(name, StringComparison.Ordinal))[26..].Trim().Split(' ')[0];
}
