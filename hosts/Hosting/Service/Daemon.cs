using System.Globalization;
using System.Text;
using Dkim.Core.Programs.Running;
using Dkim.Hosting.Files;
using Dkim.Hosting.Native;
using Dkim.Hosting.Processes;

namespace Dkim.Hosting.Service;

/// <summary>A process in the background. The program is started a second time in a session of its own and the first
/// process waits until the second says that it is ready, so that a shell sees the true exit code. Nothing forks: a
/// managed process cannot.</summary>
public sealed class Daemon
{
    private const string ReadyVariable = "HOST_READY_DESCRIPTOR";
    private int ready;

    private Daemon(int ready) => this.ready = ready;

    /// <summary>Detaches from the terminal. In the process that was started, waits for the copy and returns its exit
    /// code, which the caller must exit with: 0 once the copy is ready. In the copy, returns the daemon, which goes on
    /// with the start and calls <see cref="Ready"/>.</summary>
    /// <remarks>Until it is ready the copy has the standard error of the first process, so what it says there reaches
    /// the administrator.</remarks>
    /// <param name="handed">Files that the copy need not read again.</param>
    public static Daemon? Detach(out int exitCode, FileHandover? handed = null)
    {
        exitCode = 0;
        if (Environment.GetEnvironmentVariable(ReadyVariable) is { } descriptor
            && int.TryParse(descriptor, NumberStyles.None, CultureInfo.InvariantCulture, out var fd))
        {
            Environment.SetEnvironmentVariable(ReadyVariable, null);
            _ = Libc.fcntl(fd, Libc.F_SETFD, Libc.FD_CLOEXEC);
            return new Daemon(fd);
        }

        exitCode = Launch(handed);
        return null;
    }

    /// <summary>Tells the first process that the service is up, and lets go of the standard streams.</summary>
    public void Ready()
    {
        if (ready < 0)
        {
            return;
        }

        LetGoOfStandardStreams();
        Libc.WriteAll(ready, "READY\n"u8);
        _ = Libc.close(ready);
        ready = -1;
    }

    private static void LetGoOfStandardStreams()
    {
        var nowhere = Libc.Open("/dev/null", Libc.O_RDWR);
        if (nowhere < 0)
        {
            throw new StartupException(StartupFault.Daemon, $"/dev/null: {Libc.Describe(Libc.LastError)}");
        }

        // The runtime and its console keep copies of the three; who reads from our pipes would wait for them forever.
        var streams = new HashSet<(ulong, ulong)>();
        for (var standard = 0; standard <= 2; standard++)
        {
            if (FileFacts.TryRead(standard, out var facts) && !facts.IsRegular)
            {
                streams.Add((facts.Device, facts.Inode));
            }
        }

        foreach (var entry in Directory.GetFiles("/proc/self/fd"))
        {
            var fd = int.Parse(Path.GetFileName(entry.AsSpan()), CultureInfo.InvariantCulture);
            if (fd > 2 && FileFacts.TryRead(fd, out var facts) && streams.Contains((facts.Device, facts.Inode)))
            {
                _ = Libc.dup3(nowhere, fd, Libc.O_CLOEXEC);
            }
        }

        for (var standard = 0; standard <= 2; standard++)
        {
            _ = Libc.dup2(nowhere, standard);
        }

        _ = Libc.close(nowhere);
    }

    private static unsafe int Launch(FileHandover? handed)
    {
        var ends = stackalloc int[2];
        if (Libc.pipe2(ends, Libc.O_CLOEXEC) != 0)
        {
            throw new StartupException(StartupFault.Daemon, $"no pipe can be made: {Libc.Describe(Libc.LastError)}");
        }

        var environment = new Dictionary<string, string>
        {
            [ReadyVariable] = ends[1].ToString(CultureInfo.InvariantCulture),
        };
        var inherited = new List<int> { ends[1] };
        handed?.Announce(environment, inherited);
        Systemd.LeaveSockets(environment);
        int copy;
        try
        {
            copy = OwnProcess.StartCopy(environment, inherited, newSession: true);
        }
        finally
        {
            _ = Libc.close(ends[1]);
        }

        try
        {
            return Outcome(copy, ends[0]);
        }
        finally
        {
            _ = Libc.close(ends[0]);
        }
    }

    private static int Outcome(int copy, int readyEnd)
    {
        var said = ReadWord(readyEnd, out var late);
        if (said == "READY\n")
        {
            return 0;
        }

        if (late)
        {
            _ = Libc.kill(copy, Libc.SIGKILL);
            _ = OwnProcess.WaitFor(copy);
            throw new StartupException(
                StartupFault.Daemon, $"the background process was not ready within {ServiceLimits.detached.TotalSeconds} seconds");
        }

        // It ended before it was ready and has said why; a zero would claim a service that is not there.
        return OwnProcess.WaitFor(copy) is var code && code != 0 ? code : 1;
    }

    private static unsafe string ReadWord(int fd, out bool late)
    {
        var buffer = stackalloc byte[16];
        var length = 0;
        var end = TimeProvider.System.Milliseconds() + (long)ServiceLimits.detached.TotalMilliseconds;
        late = false;
        while (length < 6)
        {
            var entry = new PollEntry { Descriptor = fd, Events = Libc.POLLIN };
            var left = (int)Math.Max(0, end - TimeProvider.System.Milliseconds());
            var turned = Libc.poll(&entry, 1, left);
            if (turned == 0)
            {
                late = true;
                break;
            }

            var count = turned < 0 ? -1 : Libc.read(fd, buffer + length, (nuint)(16 - length));
            if (count == 0 || (count < 0 && Libc.LastError != Libc.EINTR))
            {
                break;
            }

            length += (int)Math.Max(0, count);
        }

        return Encoding.ASCII.GetString(buffer, length);
    }
}
