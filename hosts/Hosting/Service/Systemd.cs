using System.Globalization;
using System.Net.Sockets;
using System.Text;
using Dkim.Core.Programs.Running;
using Dkim.Core.Words;
using Dkim.Hosting.Logging;
using Dkim.Hosting.Native;

namespace Dkim.Hosting.Service;

/// <summary>What a service tells systemd and gets from it (sd_notify(3), sd_listen_fds(3)). Without systemd every call
/// does nothing.</summary>
public static class Systemd
{
    private const int FirstDescriptor = 3;

    // Where the id of a process stands, whose copies are not born yet.
    private const string AnyCopy = "copy";

    /// <summary>True when systemd has opened the sockets of this process (sd_listen_fds(3)).</summary>
    public static bool GivesSockets => IsOurs("LISTEN_PID", absent: false)
        && Environment.GetEnvironmentVariable("LISTEN_FDS") is { Length: > 0 } count && count != "0";

    /// <summary>True in a command that systemd runs on behalf of a service that serves already, such as ExecReload of
    /// systemd.service(5).</summary>
    public static bool IsReload => !string.IsNullOrEmpty(Environment.GetEnvironmentVariable("MAINPID"));

    /// <summary>The service is up, or up again after a reload.</summary>
    /// <param name="status">What <c>systemctl status</c> shows.</param>
    public static void Ready(string status = "") => Notify("READY=1", status);

    /// <summary>The configuration is being read again; <see cref="Ready"/> follows.</summary>
    internal static void Reloading()
    {
        // CLOCK_MONOTONIC, as it asks for.
        var microseconds = TimeProvider.System.GetTimestamp() / (TimeProvider.System.TimestampFrequency / 1_000_000);
        Notify($"RELOADING=1\nMONOTONIC_USEC={microseconds.ToString(CultureInfo.InvariantCulture)}", "");
    }

    /// <summary>The service is about to end.</summary>
    public static void Stopping() => Notify("STOPPING=1", "");

    /// <summary>Feeds the watchdog at half its interval until cancelled; ends at once where none watches.</summary>
    /// <param name="alive">Asked before each sign of life; false keeps it back, so that systemd restarts us.</param>
    public static async Task FeedWatchdogAsync(Func<bool> alive, CancellationToken cancellation)
    {
        if (!IsOurs("WATCHDOG_PID", absent: true)
            || !long.TryParse(
                Environment.GetEnvironmentVariable("WATCHDOG_USEC"),
                NumberStyles.None,
                CultureInfo.InvariantCulture,
                out var interval)
            || interval < ServiceLimits.WatchdogInterval)
        {
            return;
        }

        using var timer = new PeriodicTimer(TimeSpan.FromMicroseconds(interval / 2), TimeProvider.System);
        try
        {
            do
            {
                if (alive())
                {
                    Notify("WATCHDOG=1", "");
                }
            }
            while (await timer.WaitForNextTickAsync(cancellation).ConfigureAwait(false));
        }
        catch (OperationCanceledException)
        {
        }
    }

    /// <summary>The listening sockets systemd has opened for us with their names; none without socket activation. They
    /// are handed out once.</summary>
    /// <exception cref="StartupException">What was passed is no listening socket.</exception>
    public static IReadOnlyList<(string Name, Socket Socket)> TakeSockets()
    {
        if (!IsOurs("LISTEN_PID", absent: false)
            || !int.TryParse(
                Environment.GetEnvironmentVariable("LISTEN_FDS"),
                NumberStyles.None,
                CultureInfo.InvariantCulture,
                out var count)
            || count is < 1 or > ServiceLimits.PassedSockets)
        {
            return [];
        }

        var names = (Environment.GetEnvironmentVariable("LISTEN_FDNAMES") ?? "").Split(':');
        foreach (var variable in (string[])["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"])
        {
            Environment.SetEnvironmentVariable(variable, null);
        }

        var sockets = new List<(string, Socket)>();
        for (var i = 0; i < count; i++)
        {
            var fd = FirstDescriptor + i;
            _ = Libc.fcntl(fd, Libc.F_SETFD, Libc.FD_CLOEXEC);
            sockets.Add((i < names.Length ? names[i] : "", Listening(fd)));
        }

        return sockets;
    }

    // Whatever else it is, nobody would be served by it.
    private static Socket Listening(int descriptor)
    {
        try
        {
            var socket = new Socket(new SafeSocketHandle(descriptor, ownsHandle: true));
            if (socket.SocketType == SocketType.Stream
                && socket.GetSocketOption(SocketOptionLevel.Socket, SocketOptionName.AcceptConnection) is 1)
            {
                return socket;
            }
        }
        catch (SocketException)
        {
            // It is no socket at all, or nothing is open there.
        }

        throw new StartupException(
            StartupFault.Address,
            $"descriptor {descriptor}, passed by the service manager (LISTEN_FDS), is no stream socket that listens: "
            + "write ListenStream= and Accept=no into the .socket unit");
    }

    /// <summary>Leaves the listening sockets to copies of this process, to which they stay open.</summary>
    internal static void LeaveSockets(Dictionary<string, string> environment)
    {
        if (IsOurs("LISTEN_PID", absent: false))
        {
            environment["LISTEN_PID"] = AnyCopy;
        }
    }

    private static bool IsOurs(string variable, bool absent) =>
        Environment.GetEnvironmentVariable(variable) is { Length: > 0 } process
            ? process is AnyCopy || process == Environment.ProcessId.ToString(CultureInfo.InvariantCulture)
            : absent;

    private static void Notify(string state, string status)
    {
        if (Environment.GetEnvironmentVariable("NOTIFY_SOCKET") is not { Length: > 1 } path)
        {
            return;
        }

        try
        {
            using var socket = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified)
            {
                SendTimeout = ServiceLimits.NotifyTime,
            };
            var message = status.Length == 0 ? state : $"{state}\nSTATUS={Printable.escape(status.ReplaceLineEndings(" "))}";
            // A leading @ stands for the NUL of Linux's abstract names.
            var address = new UnixDomainSocketEndPoint(path[0] == '@' ? $"\0{path[1..]}" : path);
            socket.SendTo(Encoding.UTF8.GetBytes(message), address);
        }
        catch (Exception failure) when (failure is SocketException or ArgumentException)
        {
            // A manager that does not listen is its own problem: mail goes on.
        }
    }
}
