using System.Net.Sockets;
using System.Text;
using Dkim.Core.Programs.Running;
using Dkim.Hosting.Files;
using Dkim.Hosting.Native;

namespace Dkim.Hosting.Listening;

/// <summary>Mode and owners of a Unix socket. What is absent stays as the process makes it.</summary>
/// <param name="Mode">Permission bits, e.g. octal 0660.</param>
public sealed record LocalSocketSettings(uint? Mode = null, uint? Owner = null, uint? Group = null);

/// <summary>A listening Unix socket, bound by the C library rather than by <see cref="Socket"/>, which would remove the
/// path at the end whoever owns it by then.</summary>
internal static unsafe class LocalSocket
{
    private const uint Unchanged = uint.MaxValue;

    /// <summary>Binds and listens. A socket nobody listens at any more is replaced; a live one, or any other file, is
    /// left alone and reported.</summary>
    public static Socket Listen(string path, int backlog, LocalSocketSettings settings)
    {
        // Two programs of ours that start at once must not take each other's fresh socket for a stale one: whoever
        // holds the lock of the directory is alone between the question and the bind.
        var parent = Path.GetDirectoryName(Path.GetFullPath(path)) ?? "/";
        var directory = Libc.Open(parent, Libc.O_RDONLY | Libc.O_DIRECTORY);
        if (directory < 0)
        {
            throw Failure(path, "its directory cannot be opened", Libc.LastError);
        }

        try
        {
            Lock(directory);
            RemoveStale(path);
            return Bind(path, backlog, settings);
        }
        finally
        {
            _ = Libc.close(directory);
        }
    }

    /// <summary>Removes the path if it still is the socket that was made.</summary>
    public static void Remove(string path, FileFacts made)
    {
        if (FileFacts.TryRead(path, followLinks: false, out var now)
            && (now.Inode, now.Device) == (made.Inode, made.Device))
        {
            _ = Libc.Unlink(path);
        }
    }

    private static void Lock(int directory)
    {
        var end = TimeProvider.System.Milliseconds() + ServiceLimits.SocketLock;
        while (Libc.flock(directory, Libc.LOCK_EX | Libc.LOCK_NB) != 0 && TimeProvider.System.Milliseconds() < end)
        {
#pragma warning disable RS0030 // Nothing tells when a lock is free.
            Thread.Sleep(ServiceLimits.SocketLockPause);
#pragma warning restore RS0030
        }
    }

    private static void RemoveStale(string path)
    {
        if (!FileFacts.TryRead(path, followLinks: false, out var facts))
        {
            return;
        }

        if (!facts.IsSocket)
        {
            throw new StartupException(
                StartupFault.Address, $"{path}: a file that is no socket is in the way; remove it");
        }

        var probe = Libc.socket(Libc.AF_UNIX, Libc.SOCK_STREAM | Libc.SOCK_CLOEXEC | Libc.SOCK_NONBLOCK, 0);
        var address = Address(path);
        int error;
        fixed (byte* start = address)
        {
            error = Libc.connect(probe, start, (uint)address.Length) == 0 ? 0 : Libc.LastError;
        }

        _ = Libc.close(probe);
        switch (error)
        {
            case Libc.ENOENT:
                return;
            case Libc.ECONNREFUSED when Libc.Unlink(path) == 0:
                return;
            case Libc.ECONNREFUSED:
                throw Failure(path, "the stale socket cannot be removed", Libc.LastError);
            case 0 or Libc.EAGAIN:
                throw new StartupException(StartupFault.Address, $"{path}: another process is listening there");
            default:
                throw Failure(path, "a socket is there and cannot be tried", error);
        }
    }

    private static Socket Bind(string path, int backlog, LocalSocketSettings settings)
    {
        var fd = Libc.socket(Libc.AF_UNIX, Libc.SOCK_STREAM | Libc.SOCK_CLOEXEC, 0);
        if (fd < 0)
        {
            throw Failure(path, "no socket can be made", Libc.LastError);
        }

        try
        {
            // Until group and mode are as asked nobody else may connect; the path gets the mode of the descriptor.
            if (settings.Mode is not null && Libc.fchmod(fd, 0x180) != 0)
            {
                throw Failure(path, "its mode cannot be set", Libc.LastError);
            }

            var address = Address(path);
            fixed (byte* start = address)
            {
                if (Libc.bind(fd, start, (uint)address.Length) != 0)
                {
                    throw Failure(path, "it cannot be bound", Libc.LastError);
                }
            }

            Own(path, settings);
            if (Libc.listen(fd, backlog) != 0)
            {
                throw Failure(path, "it cannot be listened at", Libc.LastError);
            }

            return new Socket(new SafeSocketHandle(fd, ownsHandle: true));
        }
        catch
        {
            _ = Libc.close(fd);
            throw;
        }
    }

    private static void Own(string path, LocalSocketSettings settings)
    {
        fixed (byte* name = Libc.Text(path))
        {
            if ((settings.Owner ?? settings.Group) is not null
                && Libc.lchown(name, settings.Owner ?? Unchanged, settings.Group ?? Unchanged) != 0)
            {
                throw Failure(path, "its owner cannot be set", Libc.LastError);
            }

            if (settings.Mode is { } mode && Libc.chmod(name, mode) != 0)
            {
                throw Failure(path, "its mode cannot be set", Libc.LastError);
            }
        }
    }

    private static byte[] Address(string path)
    {
        // struct sockaddr_un: the family, then the path with its NUL.
        var address = new byte[2 + Encoding.UTF8.GetByteCount(path) + 1];
        address[0] = Libc.AF_UNIX;
        Encoding.UTF8.GetBytes(path, address.AsSpan(2));
        return address;
    }

    private static StartupException Failure(string path, string what, int error) =>
        new(StartupFault.Address, $"{path}: {what}: {Libc.Describe(error)}");
}
