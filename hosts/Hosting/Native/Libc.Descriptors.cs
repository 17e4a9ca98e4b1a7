using System.Runtime.InteropServices;

namespace Dkim.Hosting.Native;

/// <summary>Calls on open descriptors.</summary>
internal static unsafe partial class Libc
{
    public const int F_GETFD = 1;
    public const int F_SETFD = 2;
    public const int F_GETFL = 3;
    public const int F_SETFL = 4;
    public const int FD_CLOEXEC = 1;
    public const int LOCK_EX = 2;
    public const int LOCK_NB = 4;
    public const int SEEK_SET = 0;
    public const short POLLIN = 1;
    public const short POLLOUT = 4;

    /// <summary>Asks a terminal for its size (asm-generic/ioctls.h).</summary>
    public const nuint TIOCGWINSZ = 0x5413;

    /// <summary>Asks a device for something, here a terminal for its size (ioctl(2), TIOCGWINSZ(2const)).</summary>
    [DllImport(Name, SetLastError = true)]
    public static extern int ioctl(int fd, nuint request, WindowSize* size);

    /// <summary>Closes a descriptor (close(2)).</summary>
    [DllImport(Name, SetLastError = true)]
    public static extern int close(int fd);

    /// <summary>Reads what is there: the number of octets, 0 at the end (read(2)).</summary>
    [DllImport(Name, SetLastError = true)]
    public static extern nint read(int fd, byte* buffer, nuint count);

    /// <summary>Writes what fits: the number of octets (write(2)).</summary>
    [DllImport(Name, SetLastError = true)]
    public static extern nint write(int fd, byte* buffer, nuint count);

    /// <summary>Writes at a place of a file (pwrite(2)).</summary>
    [DllImport(Name, SetLastError = true)]
    public static extern nint pwrite(int fd, byte* buffer, nuint count, long offset);

    /// <summary>Moves the place of the next read or write; gives that place (lseek(2)).</summary>
    [DllImport(Name, SetLastError = true)]
    public static extern long lseek(int fd, long offset, int whence);

    /// <summary>Locks an open file for this process (flock(2)).</summary>
    [DllImport(Name, SetLastError = true)]
    public static extern int flock(int fd, int operation);

    /// <summary>Reads or sets the flags of a descriptor (fcntl(2)).</summary>
    [DllImport(Name, SetLastError = true)]
    public static extern int fcntl(int fd, int command, nint argument);

    /// <summary>Makes a number stand for another open descriptor, too; it stays open on exec (dup2(2)).</summary>
    [DllImport(Name, SetLastError = true)]
    public static extern int dup2(int from, int to);

    /// <summary>The same with flags of open(2) (dup3(2)).</summary>
    [DllImport(Name, SetLastError = true)]
    public static extern int dup3(int from, int to, int flags);

    /// <summary>Makes a pipe: the end to read from, then the end to write to (pipe2(2)).</summary>
    [DllImport(Name, SetLastError = true)]
    public static extern int pipe2(int* ends, int flags);

    /// <summary>Waits until a descriptor is ready: the number of those that are, 0 when the time is over
    /// (poll(2)).</summary>
    [DllImport(Name, SetLastError = true)]
    public static extern int poll(PollEntry* entries, nuint count, int milliseconds);

    /// <summary>1 where a descriptor is a terminal (isatty(3)).</summary>
    [DllImport(Name)]
    public static extern int isatty(int fd);

    /// <summary>Makes a counter that poll and epoll can wait for (eventfd(2)).</summary>
    [DllImport(Name, SetLastError = true)]
    public static extern int eventfd(uint initial, int flags);
}

/// <summary>struct pollfd of poll(2).</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct PollEntry
{
    public int Descriptor;
    public short Events;
    public short Returned;
}

/// <summary><c>struct winsize</c>, how large a terminal is.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct WindowSize
{
    public ushort Rows;
    public ushort Columns;
    public ushort Width;
    public ushort Height;
}
