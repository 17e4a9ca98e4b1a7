using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Dkim.Core.Programs.Running;
using Dkim.Tests.Hosts.Hosting;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Milter;

/// <summary>A milter as a process in the foreground: dkim-filter, dk-filter, or Debian's opendkim beside them. DKIMFILTER
/// may name the build of ours to test; else the newer of the native build and the one beside the tests is taken. With
/// DKIMFILTER=opendkim that stands in for ours, which tells a defect of a test from one of the filter.</summary>
internal sealed class FilterProcess : IDisposable
{
    public const string OpenDkim = "opendkim";
    public static readonly string Own = Named == OpenDkim ? OpenDkim : "dkim-filter";
    public const string OwnForDomainKeys = "dk-filter";

    private readonly Process process;
    private readonly List<string> lines = [];

    private FilterProcess(Scratch scratch, string program, IEnumerable<string> arguments)
    {
        process = Process.Start(new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = scratch.Root,
            RedirectStandardError = true,
            RedirectStandardOutput = true,
        })!;
        void Keep(object sender, DataReceivedEventArgs line)
        {
            lock (lines)
            {
                lines.Add(line.Data ?? "");
            }
        }

        process.ErrorDataReceived += Keep;
        process.OutputDataReceived += Keep;
        process.BeginErrorReadLine();
        process.BeginOutputReadLine();
    }

    public int Id => process.Id;

    public string Log
    {
        get
        {
            lock (lines)
            {
                return string.Join('\n', lines);
            }
        }
    }

    /// <summary>Starts it with these lines of configuration and waits until it takes connections.</summary>
    public static FilterProcess Start(Scratch scratch, string program, string socket, params string[] configuration)
    {
        string[] common = ["Background no", $"Socket {socket}"];
        string[] particular = program == OpenDkim ? ["RequireSafeKeys no", "Syslog no"] : [];
        var file = scratch.Write(
            $"{program}-{Guid.NewGuid():N}.conf",
            string.Join('\n', [.. common, .. particular, .. configuration]) + "\n");
        return StartPlain(scratch, program, socket, "-x", file);
    }

    /// <summary>Starts it with these arguments alone and waits until it takes connections.</summary>
    public static FilterProcess StartPlain(Scratch scratch, string program, string socket, params string[] arguments) =>
        Begin(new FilterProcess(scratch, Path(scratch, program), arguments), program, socket);

    /// <summary>The same where this file is seen as /etc/resolv.conf.</summary>
    public static FilterProcess StartAsking(
        Scratch scratch, string resolvConf, string program, string socket, params string[] arguments)
    {
        Tools.RequireRoot();
        const string Script = "mount --bind \"$0\" /etc/resolv.conf && exec \"$@\"";
        var unshare = Tools.RequireProgram("unshare", "util-linux");
        return StartBy(scratch, unshare, ["-m", "/bin/sh", "-c", Script, resolvConf], program, socket, arguments);
    }

    /// <summary>The same through a program that becomes it, which gets its path and arguments behind its own.</summary>
    public static FilterProcess StartBy(
        Scratch scratch, string starter, string[] before, string program, string socket, params string[] arguments) =>
        Begin(new FilterProcess(scratch, starter, [.. before, Path(scratch, program), .. arguments]), program, socket);

    private static FilterProcess Begin(FilterProcess filter, string program, string socket)
    {
        var watch = Stopwatch.StartNew();
        while (!Answers(socket))
        {
            if (filter.process.HasExited || watch.Elapsed.TotalSeconds > 60)
            {
                filter.Dispose();
                Assert.Fail($"{program} does not listen at {socket}: {filter.Log}");
            }

            Thread.Sleep(20);
        }

        return filter;
    }

    /// <summary>Ours under the name opendkim, started with these arguments; waits until it takes connections.</summary>
    public static FilterProcess StartOpenDkim(Scratch scratch, string socket, params string[] arguments) =>
        Begin(new FilterProcess(scratch, OwnOpenDkim(scratch), arguments), OpenDkim, socket);

    /// <summary>Ours under the name opendkim, in a directory of a test.</summary>
    public static string OwnOpenDkim(Scratch scratch)
    {
        var link = System.IO.Path.Combine(Directory.CreateDirectory(scratch.At("own")).FullName, OpenDkim);
        if (!File.Exists(link))
            File.CreateSymbolicLink(link, Find());
        return link;
    }

    /// <summary>The program by its own name, in the directory of a test.</summary>
    public static string Path(Scratch scratch, string program)
    {
        if (program == OpenDkim)
        {
            return Tools.RequireProgram(OpenDkim, OpenDkim);
        }

        var link = scratch.At(program);
        if (!File.Exists(link))
        {
            File.CreateSymbolicLink(link, Find());
        }

        return link;
    }

    public void Signal(string signal) =>
        Tools.Run("/", "/bin/kill", "-" + signal, Id.ToString(CultureInfo.InvariantCulture));

    /// <summary>Waits for it to end: the exit code.</summary>
    public async Task<int> EndAsync()
    {
        await process.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(60));
        return process.ExitCode;
    }

    public void Dispose()
    {
        if (!process.HasExited)
        {
            // A supervisor's filter would keep our end of its output open.
            process.Kill(entireProcessTree: true);
        }

        process.WaitForExit();
        process.Dispose();
    }

    private static string? Named => Environment.GetEnvironmentVariable("DKIMFILTER");

    private static string Find()
    {
        if (Named is { Length: > 0 } named)
        {
            return named;
        }

        var beside = System.IO.Path.Combine(AppContext.BaseDirectory, Own);
        for (var directory = new DirectoryInfo(AppContext.BaseDirectory); directory is not null; directory = directory.Parent)
        {
            var native = System.IO.Path.Combine(directory.FullName, "out/bin", Own);
            if (File.Exists(native))
            {
                return File.GetLastWriteTimeUtc(native) > File.GetLastWriteTimeUtc(beside + ".dll") ? native : beside;
            }
        }

        return beside;
    }

    private static bool Answers(string place)
    {
        EndPoint address = place.StartsWith("inet:", StringComparison.Ordinal)
            ? new IPEndPoint(IPAddress.Loopback, int.Parse(place[5..].Split('@')[0], CultureInfo.InvariantCulture))
            : new UnixDomainSocketEndPoint(place[(place.IndexOf(':') + 1)..]);
        using var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            socket.Connect(address);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
