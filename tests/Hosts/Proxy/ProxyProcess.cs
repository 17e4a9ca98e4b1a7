using System.Diagnostics;
using System.Net;
using System.Text.RegularExpressions;
using Dkim.Tests.Hosts.Hosting;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Proxy;

/// <summary>dkimproxy.out or dkimproxy.in as a process, in a directory of its own; what it says on standard error is
/// kept. DKIMPROXY may name another build of the program, e.g. the native one.</summary>
internal sealed class ProxyProcess : IDisposable
{
    private static readonly string program =
        Environment.GetEnvironmentVariable("DKIMPROXY") ?? Path.Combine(AppContext.BaseDirectory, "dkimproxy");

    private readonly Process process;
    private readonly List<string> lines = [];

    private ProxyProcess(Scratch scratch, string program, string[] arguments)
    {
        process = Process.Start(new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = scratch.Root,
            RedirectStandardError = true,
            RedirectStandardOutput = true,
        })!;
        process.ErrorDataReceived += (_, line) =>
        {
            lock (lines)
                lines.Add(line.Data ?? "");
        };
        process.BeginErrorReadLine();
    }

    /// <summary>The program under one of its names, in the directory of a test or below it.</summary>
    public static string Link(Scratch scratch, string name)
    {
        var link = scratch.At(name);
        Directory.CreateDirectory(Path.GetDirectoryName(link)!);
        if (!File.Exists(link))
            File.CreateSymbolicLink(link, program);
        return link;
    }

    public int Id => process.Id;

    /// <summary>The addresses it listens at, in order.</summary>
    public IReadOnlyList<EndPoint> Addresses { get; private set; } = [];

    public string Log
    {
        get
        {
            lock (lines)
                return string.Join('\n', lines);
        }
    }

    /// <summary>Starts it and waits until it listens.</summary>
    public static Task<ProxyProcess> StartAsync(Scratch scratch, string name, params string[] arguments) =>
        BeginAsync(new ProxyProcess(scratch, Link(scratch, name), arguments));

    /// <summary>The same through a program that becomes it, which gets its path and arguments behind its own.</summary>
    public static Task<ProxyProcess> StartByAsync(
        Scratch scratch, string starter, string[] before, string name, params string[] arguments) =>
        BeginAsync(new ProxyProcess(scratch, starter, [.. before, Link(scratch, name), .. arguments]));

    /// <summary>The same where a command has mounted what nobody else sees; it takes root.</summary>
    public static Task<ProxyProcess> StartMountedAsync(Scratch scratch, string mount, string name, params string[] arguments)
    {
        Tools.RequireRoot();
        var unshare = Tools.RequireProgram("unshare", "util-linux");
        return StartByAsync(scratch, unshare, ["-m", "/bin/sh", "-c", mount + " && exec \"$@\"", "sh"], name, arguments);
    }

    private static async Task<ProxyProcess> BeginAsync(ProxyProcess proxy)
    {
        await Tools.Eventually(
            () => proxy.Log.Contains("listening at ") || proxy.process.HasExited, "the proxy listens");
        var place = Regex.Match(proxy.Log, "listening at (.*?), DNS by ");
        Assert.That(place.Success, proxy.Log);
        proxy.Addresses = [.. place.Groups[1].Value.Split(", ").Select(IPEndPoint.Parse)];
        return proxy;
    }

    /// <summary>Runs it to its end: exit code, standard output, standard error.</summary>
    public static (int Code, string Output, string Error) Run(Scratch scratch, string name, params string[] arguments)
    {
        using var proxy = new ProxyProcess(scratch, Link(scratch, name), arguments);
        var output = proxy.process.StandardOutput.ReadToEnd();
        Assert.That(proxy.process.WaitForExit(60_000), "it ends");
        proxy.process.WaitForExit();
        return (proxy.process.ExitCode, output, proxy.Log);
    }

    public void Signal(string signal) => Tools.Run("/", "/bin/kill", "-" + signal, Id.ToString());

    /// <summary>Waits for it to end: the exit code.</summary>
    public async Task<int> EndAsync()
    {
        await process.WaitForExitAsync();
        return process.ExitCode;
    }

    public async Task SaysAsync(string text) =>
        await Tools.Eventually(() => Log.Contains(text), $"it says \"{text}\"; it said:\n{Log}");

    public void Dispose()
    {
        if (!process.HasExited)
            process.Kill();
        process.WaitForExit();
        process.Dispose();
    }
}
