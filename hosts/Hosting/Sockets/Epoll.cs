using System.Runtime.InteropServices;

namespace Dkim.Hosting;

/// <summary>The kernel's calls for sockets that never block, and for waiting on many of them.</summary>
internal static unsafe class Epoll
{
    public const uint In = 0x001;
    public const uint Out = 0x004;
    public const uint Error = 0x008;
    public const uint HangUp = 0x010;
    public const uint PeerEnded = 0x2000;
    public const uint Edge = 0x80000000;

    public const int Add = 1;
    public const int Change = 3;
    public const int CloseOnExec = 0x80000;
    public const int NoSignal = 0x4000;
    public const int GetFlags = 3;
    public const int SetFlags = 4;

    /// <summary>Octets of one event; the kernel packs it on x86-64 alone.</summary>
    public static readonly int EventSize = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? 12 : 16;

    private static readonly int dataOffset = EventSize - 8;
    private const string Name = "libc.so.6";

    [DllImport(Name, SetLastError = true)]
    public static extern int epoll_create1(int flags);
    [DllImport(Name, SetLastError = true)]
    public static extern int epoll_ctl(int epoll, int operation, int fd, byte* entry);
    [DllImport(Name, SetLastError = true)]
    public static extern int epoll_wait(int epoll, byte* entries, int count, int milliseconds);
    [DllImport(Name, SetLastError = true)]
    public static extern int accept4(int fd, byte* address, uint* length, int flags);
    [DllImport(Name, SetLastError = true)]
    public static extern nint recv(int fd, byte* buffer, nuint length, int flags);
    [DllImport(Name, SetLastError = true)]
    public static extern nint send(int fd, byte* buffer, nuint length, int flags);
    [DllImport(Name, SetLastError = true)]
    public static extern int shutdown(int fd, int how);
    [DllImport(Name, SetLastError = true)]
    public static extern int setsockopt(int fd, int level, int option, int* value, uint length);
    [DllImport(Name, SetLastError = true)]
    public static extern int getsockopt(int fd, int level, int option, int* value, uint* length);

    public static void Write(byte* entry, uint events, long data)
    {
        *(uint*)entry = events;
        Marshal.WriteInt64((nint)(entry + dataOffset), data);
    }

    public static (uint Events, long Data) Read(byte* entry) =>
        (*(uint*)entry, Marshal.ReadInt64((nint)(entry + dataOffset)));
}
