using System.Runtime.InteropServices;
using System.Text;

namespace Dkim.Hosting.Native;

/// <summary>The C library, in a file for each kind of call. Arguments are blittable, so that native code needs no
/// marshalling stubs. A call that fails returns -1 and leaves its reason in <see cref="LastError"/>, unless it says
/// otherwise.</summary>
internal static unsafe partial class Libc
{
    public const int EPERM = 1;
    public const int ENOENT = 2;
    public const int EINTR = 4;
    public const int EBADF = 9;
    public const int EAGAIN = 11;
    public const int EISDIR = 21;
    public const int EINVAL = 22;
    public const int ENOSPC = 28;
    public const int EPIPE = 32;
    public const int ERANGE = 34;
    public const int EOPNOTSUPP = 95;
    public const int ECONNABORTED = 103;
    public const int ECONNREFUSED = 111;
    public const int EINPROGRESS = 115;
    public const int EDQUOT = 122;

    private const string Name = "libc.so.6";

    /// <summary>The error number of this thread's last call that failed.</summary>
    public static int LastError => Marshal.GetLastPInvokeError();

    /// <summary>The system's words for an error number.</summary>
    public static string Describe(int error) => Marshal.GetPInvokeErrorMessage(error);

    /// <summary>A path or name as the C library takes it: UTF-8, ended by NUL.</summary>
    public static byte[] Text(string text)
    {
        if (text.Contains('\0'))
        {
            throw new ArgumentException("a name cannot hold a NUL character", nameof(text));
        }

        var octets = new byte[Encoding.UTF8.GetByteCount(text) + 1];
        Encoding.UTF8.GetBytes(text, octets);
        return octets;
    }

    /// <summary>A text of one character for each octet, ended by NUL: a path is passed on exactly as it was given, in
    /// whatever encoding.</summary>
    public static byte[] Octets(string text)
    {
        var octets = new byte[text.Length + 1];
        Encoding.Latin1.GetBytes(text, octets);
        return octets;
    }

    /// <summary>Opens a file by its path in UTF-8; the descriptor is closed on exec.</summary>
    public static int Open(string path, int flags, uint mode = 0)
    {
        fixed (byte* name = Text(path))
        {
            return open(name, flags | O_CLOEXEC, mode);
        }
    }

    /// <summary>Removes a file by its path in UTF-8.</summary>
    public static int Unlink(string path)
    {
        fixed (byte* name = Text(path))
        {
            return unlink(name);
        }
    }

    /// <summary>After a call that failed: true where it is to be made again, once a descriptor that does not block is ready
    /// for what <paramref name="events"/> says.</summary>
    public static bool WaitsAfter(int error, int fd, short events)
    {
        if (error == EAGAIN)
        {
            var entry = new PollEntry { Descriptor = fd, Events = events };
            _ = poll(&entry, 1, -1);
        }

        return error is EAGAIN or EINTR;
    }

    /// <summary>Writes all octets to a descriptor, however long that takes; false when a write fails.</summary>
    public static bool WriteAll(int fd, ReadOnlySpan<byte> octets)
    {
        fixed (byte* start = octets)
        {
            var done = 0;
            while (done < octets.Length)
            {
                var count = write(fd, start + done, (nuint)(octets.Length - done));
                if (count > 0)
                {
                    done += (int)count;
                }
                else if (count == 0 || !WaitsAfter(LastError, fd, POLLOUT))
                {
                    return false;
                }
            }
        }

        return true;
    }
}
