using System.Globalization;
using System.Text;
using Dkim.Core.Programs.Running;
using Dkim.Hosting.Files;
using Dkim.Hosting.Native;
using Dkim.Hosting.Processes;

namespace Dkim.Hosting.Service;

/// <summary>A file that holds the process id while the process lives.</summary>
public sealed class PidFile : IDisposable
{
    private const int LongestText = 32;
    private readonly string path;
    private bool removed;

    private PidFile(string path) => this.path = path;

    /// <summary>Refuses to start beside a live process.</summary>
    /// <exception cref="StartupException">The file names one.</exception>
    public static void RefuseIfAlive(string path)
    {
        if (ReadProcess(path) is { } process && process != Environment.ProcessId && OwnProcess.IsAlive(process))
        {
            throw new StartupException(
                StartupFault.AlreadyRunning, $"{path} names process {process}, which is running; stop it first");
        }
    }

    /// <summary>Writes the file at once and completely, replacing a stale one, and gives it to the account that the
    /// process will run as.</summary>
    /// <exception cref="StartupException">A live process is named there, or the file cannot be written.</exception>
    /// <param name="besideAlive">Write it even where a live process is named: a number is soon another
    /// process's.</param>
    public static PidFile Create(string path, Account? owner = null, bool besideAlive = false)
    {
        if (!besideAlive)
        {
            RefuseIfAlive(path);
        }

        var full = Path.GetFullPath(path);
        var fresh = $"{full}.{Environment.ProcessId.ToString(CultureInfo.InvariantCulture)}";
        _ = Libc.Unlink(fresh);
        var fd = Libc.Open(fresh, Libc.O_WRONLY | Libc.O_CREAT | Libc.O_EXCL | Libc.O_NOFOLLOW, 0x1A4);
        if (fd < 0)
        {
            throw Failure(path);
        }

        try
        {
            var line = Encoding.ASCII.GetBytes(Environment.ProcessId.ToString(CultureInfo.InvariantCulture) + "\n");
            if (!Libc.WriteAll(fd, line)
                || (owner is not null && Libc.geteuid() == 0 && Libc.fchown(fd, owner.User, owner.Group) != 0)
                || !Rename(fresh, full))
            {
                var failure = Failure(path);
                _ = Libc.Unlink(fresh);
                throw failure;
            }
        }
        finally
        {
            _ = Libc.close(fd);
        }

        return new PidFile(full);
    }

    /// <summary>Removes the file if it still names this process. A process that may no longer write in the directory
    /// empties it instead.</summary>
    public void Dispose()
    {
        if (removed || ReadProcess(path) != Environment.ProcessId)
        {
            return;
        }

        removed = true;

        // Root may always remove it, and must not follow what a user has put in its place.
        if (Libc.Unlink(path) != 0 && Libc.geteuid() != 0)
        {
            Empty(path);
        }
    }

    private static unsafe void Empty(string path)
    {
        fixed (byte* name = Libc.Text(path))
        {
            _ = Libc.truncate(name, 0);
        }
    }

    private static int? ReadProcess(string path)
    {
        try
        {
            // Root reads it in a directory that may be its user's: what has been put there instead must not hold us up.
            var text = Encoding.ASCII.GetString(PrivateFile.ReadShared(path, LongestText)).Trim();
            return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var process)
                ? process
                : null;
        }
        catch (FileRefusedException)
        {
            return null;
        }
    }

    private static unsafe bool Rename(string from, string to)
    {
        fixed (byte* source = Libc.Text(from), target = Libc.Text(to))
        {
            return Libc.rename(source, target) == 0;
        }
    }

    private static StartupException Failure(string path) =>
        new(StartupFault.PidFile, $"{path}: the process id cannot be written: {Libc.Describe(Libc.LastError)}");
}
