using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Time.Testing;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Hosting;

/// <summary>What tests need of the machine.</summary>
public static class Tools
{
    /// <summary>The program of tests/HostProbe; HOSTPROBE may name another build of it, e.g. the native one.</summary>
    public static string Probe { get; } =
        Environment.GetEnvironmentVariable("HOSTPROBE") ?? Path.Combine(AppContext.BaseDirectory, "hostprobe");

    public static void RequireRoot()
    {
        if (Environment.UserName != "root")
        {
            Assert.Ignore("left out: it needs root");
        }
    }

    /// <summary>The path of a program; the test is left out where its Debian package is missing.</summary>
    public static string RequireProgram(string program, string package)
    {
        foreach (var directory in (string[])["/usr/sbin", "/usr/bin", "/sbin", "/bin"])
        {
            if (File.Exists(Path.Combine(directory, program)))
            {
                return Path.Combine(directory, program);
            }
        }

        Assert.Ignore($"left out: {program} is missing (Debian package {package})");
        return "";
    }

    public static void RequireLibunbound()
    {
        if (!System.Runtime.InteropServices.NativeLibrary.TryLoad("libunbound.so.8", out _))
        {
            Assert.Ignore("left out: libunbound.so.8 is missing (Debian package libunbound8)");
        }
    }

    /// <summary>Runs a program to its end; its standard output. A failure fails the test.</summary>
    public static string Run(string directory, string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = directory,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.That(process.ExitCode, Is.Zero, $"{program}: {error.Result}");
        return output;
    }

    /// <summary>Runs a program to its end; what it wrote to standard error.</summary>
    public static string RunForErrors(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
        var error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        Assert.That(process.ExitCode, Is.Zero, error);
        return error;
    }

    /// <summary>
    /// A port of the loopback that is free for UDP and TCP, and that nobody else who asks here gets before this process has
    /// ended. It lies below the range of which the kernel gives ports to outgoing connections: one of those would now and
    /// then sit on a port between our look and the start of the program that is to listen there.
    /// </summary>
    public static int FreePort()
    {
        for (; ; )
        {
            var port = Random.Shared.Next(FirstPort, OutgoingPorts);
            if (IsOurs($"port {port}") && IsFree(port))
            {
                return port;
            }
        }
    }

    /// <summary>An address of the loopback that nobody else who asks here gets before this process has ended; each is a text
    /// of the same length.</summary>
    public static IPAddress FreeAddress()
    {
        for (; ; )
        {
            var address = new IPAddress([127, 53, (byte)Random.Shared.Next(100, 255), (byte)Random.Shared.Next(100, 255)]);
            if (IsOurs($"address {address}"))
            {
                return address;
            }
        }
    }

    // A name of the kernel's for sockets, which one process has at a time, and which is free again when that ends. No other
    // network can have the port, and none can have the name.
    private static bool IsOurs(string thing)
    {
        var name = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        try
        {
            name.Bind(new UnixDomainSocketEndPoint($"\0dkim test {thing}"));
            held.Add(name);
            return true;
        }
        catch (SocketException)
        {
            name.Dispose();
            return false;
        }
    }

    private const int FirstPort = 10_000;

    private static readonly int OutgoingPorts =
        int.Parse(File.ReadAllText("/proc/sys/net/ipv4/ip_local_port_range").Split('\t')[0], CultureInfo.InvariantCulture);

    private static readonly ConcurrentBag<Socket> held = [];

    private static bool IsFree(int port)
    {
        using var udp = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        using var tcp = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            udp.Bind(new IPEndPoint(IPAddress.Loopback, port));
            tcp.Bind(new IPEndPoint(IPAddress.Loopback, port));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    /// <summary>Lets time pass until a task has ended; how long that was.</summary>
    public static async Task<TimeSpan> PassAsync(this FakeTimeProvider clock, Task task)
    {
        var start = clock.GetTimestamp();
        while (!task.IsCompleted)
        {
            clock.Advance(TimeSpan.FromMilliseconds(250));
            await Task.WhenAny(task, Task.Delay(1));
        }

        return clock.GetElapsedTime(start);
    }

    /// <summary>Waits until something holds; fails the test when it never does.</summary>
    public static async Task Eventually(Func<bool> holds, string what, int seconds = 60)
    {
        var watch = Stopwatch.StartNew();
        while (!holds())
        {
            Assert.That(watch.Elapsed.TotalSeconds, Is.LessThan(seconds), what);
            await Task.Delay(20);
        }
    }
}
