using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Dkim.Core.Programs.Running;
using Dkim.Core.Programs.Tool.Running;

namespace Dkim.ToolHost.Demo;

/// <summary>A program of ours that runs for the time of the demonstration.</summary>
internal sealed class DemoProcess : IAsyncDisposable
{
    private static readonly TimeProvider clock = TimeProvider.System;
    private readonly string name;
    private readonly int port;
    private readonly Process process;
    private readonly Task<string> complaints;

    private DemoProcess(string name, int port, Process process)
    {
        this.name = name;
        this.port = port;
        this.process = process;
        complaints = process.StandardError.ReadToEndAsync();
    }

    /// <summary>Starts a program that stands beside this one and is to listen on a loopback port.</summary>
    public static DemoProcess Start(string name, int port, string[] arguments) =>
        new(name, port, Launch(Beside(name), arguments, input: false));

    /// <summary>What `dkim explain` says of a message, with keys from a file.</summary>
    public static async Task<string> ExplainAsync(string recordFile, byte[] message, CancellationToken cancel)
    {
        using var explain = Launch(Beside("dkim"), ["explain", "--test-keys", recordFile], input: true);
        var text = explain.StandardOutput.ReadToEndAsync(cancel);
        var errors = explain.StandardError.ReadToEndAsync(cancel);
        await explain.StandardInput.BaseStream.WriteAsync(message, cancel);
        explain.StandardInput.Close();
        await explain.WaitForExitAsync(cancel);
        return explain.ExitCode == 0 ? await text : throw new DemoException("dkim explain: " + await errors);
    }

    /// <summary>Returns once the program takes connections.</summary>
    public async Task ReadyAsync(CancellationToken cancel)
    {
        for (var start = clock.GetTimestamp(); clock.GetElapsedTime(start) < ToolLimits.demoStep;)
        {
            if (process.HasExited)
            {
                throw new DemoException($"{name} ended with code {process.ExitCode}: {(await complaints).Trim()}");
            }

            try
            {
                using var probe = new TcpClient();
                await probe.ConnectAsync(IPAddress.Loopback, port, cancel);
                return;
            }
            catch (SocketException)
            {
                await Task.Delay(ToolLimits.demoPause, clock, cancel);
            }
        }

        throw new DemoException($"{name} does not answer on port {port}");
    }

    public async ValueTask DisposeAsync()
    {
        process.Kill();
        await process.WaitForExitAsync();
        process.Dispose();
    }

    // Where this program is a link, the others are beside the link, not beside what it points to. A package has them in
    // sbin.
    private static string Beside(string name)
    {
        var folder = Environment.GetEnvironmentVariable("DKIM_BIN")
            ?? Path.GetDirectoryName(Environment.ProcessPath)
            ?? throw new DemoException("this program does not know where it is");
        string[] places = [Path.Combine(folder, name), Path.GetFullPath(Path.Combine(folder, "..", "sbin", name))];
        return places.FirstOrDefault(File.Exists)
            ?? throw new DemoException($"{string.Join(" and ", places)} are not there; build or install {name} first");
    }

    private static Process Launch(string path, string[] arguments, bool input)
    {
        var start = new ProcessStartInfo(path, arguments)
        {
            RedirectStandardInput = input,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardOutputEncoding = Encoding.UTF8,
        };
        return Process.Start(start) ?? throw new DemoException("cannot start " + path);
    }
}
