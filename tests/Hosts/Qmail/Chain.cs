using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using Dkim.Core.Programs.Running;
using Dkim.Tests.Hosts.Hosting;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Qmail;

/// <summary>What the stand-in for qmail-queue got.</summary>
internal sealed record Queued(byte[] Message, string Envelope, string[] Info)
{
    public string Text => Encoding.Latin1.GetString(Message);

    public string[] About(string word) =>
        [.. Info.Where(line => line.StartsWith(word + " ", StringComparison.Ordinal)).Select(line => line[(word.Length + 1)..])];
}

/// <summary>How a run ended: the exit code, 128 and its number for a signal, what was queued, and what stood on standard
/// error.</summary>
internal sealed record Ended(int Code, IReadOnlyList<Queued> Queued, string Said)
{
    public Queued Only => Queued.Count == 1 ? Queued[0] : throw new AssertionException($"exit {Code}, {Queued.Count} queued");
}

/// <summary>A qmail home with qmail-dk, the stand-in for qmail-queue, and a key for example.org. QMAILDK may name the build
/// of the program to test; else the newer of the native build and the one beside the tests is taken.</summary>
internal sealed class Chain : IDisposable
{
    public const string Envelope = "Fjoe@example.org\0Tann@example.net\0Tbob@example.net\0\0";

    private static readonly Lazy<string> standIn = new(Compile);
    private readonly Scratch scratch = new();

    public Chain()
    {
        Directory.CreateDirectory(At("home/bin"));
        Directory.CreateDirectory(At("home/control"));
        Directory.CreateDirectory(At("keys/example.org"));
        Directory.CreateDirectory(At("queue"));
        scratch.Write("home/control/me", "mx.example.net\n");
        scratch.Write("envelope", Envelope);
        // A copy would be open for writing in whatever program another test starts just then, and no program could be
        // started from it.
        File.CreateSymbolicLink(At("home/bin/qmail-queue"), standIn.Value);
        using var key = RSA.Create(2048);
        scratch.Write("keys/example.org/default", key.ExportRSAPrivateKeyPem());
        Record = $"k=rsa; p={Convert.ToBase64String(key.ExportSubjectPublicKeyInfo())}";
        scratch.Write("zone", $"default._domainkey.example.org {Record}\n");
    }

    private static string Compile()
    {
        var program = Path.Combine(AppContext.BaseDirectory, "qmail-queue-stand-in");
        var source = Path.Combine(AppContext.BaseDirectory, "queue.c");
        if (!File.Exists(program) || File.GetLastWriteTimeUtc(program) < File.GetLastWriteTimeUtc(source))
        {
            Tools.Run("/", Tools.RequireProgram("clang", "clang"), "-O2", "-Wall", "-Werror", "-o", program, source);
        }

        return program;
    }

    public static string Program { get; } = FindProgram();

    public static bool IsNative => !File.Exists(Path.ChangeExtension(Program, "dll")) && !File.Exists(Program + ".dll");

    /// <summary>The key record of default._domainkey.example.org.</summary>
    public string Record { get; }

    public string At(string name) => scratch.At(name);

    public void Write(string name, string text) => scratch.Write(name, text);

    public string[] Signing(params string[] more) => ["RELAYCLIENT=", $"DKSIGN={At("keys")}/%/default", .. more];

    public string[] Verifying(params string[] more) => [$"DKTESTKEYS={At("zone")}", .. more];

    /// <summary>Passes a message through a pipe, as qmail-smtpd does.</summary>
    public Ended Run(string message, params string[] variables) => Run(Encoding.Latin1.GetBytes(message), variables);

    public Ended Run(byte[] message, params string[] variables)
    {
        using var process = Start("""exec "$0" 1<"$ENVELOPE" """, variables);
        try
        {
            process.StandardInput.BaseStream.Write(message);
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // It ended without reading all of it.
        }

        return End(process);
    }

    /// <summary>Runs a line of shell in which $0 is the program, $ENVELOPE and $MESSAGE files.</summary>
    public Ended Shell(string line, string message, params string[] variables)
    {
        Write("message", message);
        using var process = Start(line, variables);
        process.StandardInput.Close();
        return End(process);
    }

    public Process Start(string line, params string[] variables)
    {
        var start = new ProcessStartInfo("/bin/sh", ["-c", line, Program])
        {
            RedirectStandardInput = true,
            RedirectStandardError = true,
            WorkingDirectory = "/",
        };
        start.Environment.Clear();
        start.Environment["ENVELOPE"] = At("envelope");
        start.Environment["MESSAGE"] = At("message");
        start.Environment["QQ_DIR"] = At("queue");
        start.Environment["DKHOME"] = At("home");
        start.Environment["DOTNET_ROOT"] = Environment.GetEnvironmentVariable("DOTNET_ROOT") ?? "/usr/share/dotnet";
        foreach (var variable in variables)
        {
            var at = variable.IndexOf('=');
            start.Environment[variable[..at]] = variable[(at + 1)..];
        }

        return Process.Start(start)!;
    }

    /// <summary>Waits for the end of a run, which must leave nothing on standard error but what it says itself, and takes
    /// what was queued.</summary>
    public Ended End(Process process)
    {
        var said = process.StandardError.ReadToEndAsync();
        Assert.That(process.WaitForExit(120_000), "it ends");
        Assert.That(
            said.Result, Is.Empty.Or.Match("^(qmail-dk: .*\n)+$").Or.Contain("GC heap").Or.Contain("loading shared libraries").Or.Contain("CoreCLR"));
        return new Ended(process.ExitCode, Take(), said.Result);
    }

    public IReadOnlyList<Queued> Take()
    {
        var all = Directory.GetFiles(At("queue"), "*.msg").Select(path => new Queued(
            File.ReadAllBytes(path),
            ReadOrNothing(Path.ChangeExtension(path, "env")),
            ReadOrNothing(Path.ChangeExtension(path, "info")).Split('\n'))).ToArray();
        foreach (var path in Directory.GetFiles(At("queue")))
        {
            File.Delete(path);
        }

        return all;
    }

    public void Dispose() => scratch.Dispose();

    private static string ReadOrNothing(string path) => File.Exists(path) ? File.ReadAllText(path, Encoding.Latin1) : "";

    private static string FindProgram()
    {
        if (Environment.GetEnvironmentVariable("QMAILDK") is { Length: > 0 } named)
        {
            return named;
        }

        var beside = Path.Combine(AppContext.BaseDirectory, "qmail-dk");
        for (var directory = new DirectoryInfo(AppContext.BaseDirectory); directory is not null; directory = directory.Parent)
        {
            var native = Path.Combine(directory.FullName, "out/bin/qmail-dk");
            if (File.Exists(native))
            {
                return File.GetLastWriteTimeUtc(native) > File.GetLastWriteTimeUtc(beside + ".dll") ? native : beside;
            }
        }

        return beside;
    }
}
