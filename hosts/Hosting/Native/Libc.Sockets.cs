using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Dkim.Hosting.Native;

/// <summary>Calls for sockets, and for waiting on many of them.</summary>
internal static unsafe partial class Libc
{
    public const int AF_UNIX = 1;
    public const int AF_INET = 2;
    public const int AF_INET6 = 10;
    public const int SOCK_STREAM = 1;
    public const int SOCK_NONBLOCK = 0x800;
    public const int SOCK_CLOEXEC = 0x80000;
    public const int SOL_SOCKET = 1;
    public const int SO_ERROR = 4;
    public const int IPPROTO_TCP = 6;
    public const int TCP_NODELAY = 1;
    public const int MSG_NOSIGNAL = 0x4000;
    public const int SHUT_WR = 1;

    public const uint EPOLLIN = 0x001;
    public const uint EPOLLOUT = 0x004;
    public const uint EPOLLERR = 0x008;
    public const uint EPOLLHUP = 0x010;
    public const uint EPOLLRDHUP = 0x2000;
    public const uint EPOLLET = 0x80000000;
    public const int EPOLL_CTL_ADD = 1;
    public const int EPOLL_CTL_MOD = 3;

    /// <summary>Makes a socket (socket(2)).</summary>
    [DllImport(Name, SetLastError = true)]
    public static extern int socket(int domain, int type, int protocol);

    /// <summary>Gives a socket its own address (bind(2)).</summary>
    [DllImport(Name, SetLastError = true)]
    public static extern int bind(int fd, byte* address, uint length);

    /// <summary>Begins to listen, with so many connections waiting (listen(2)).</summary>
    [DllImport(Name, SetLastError = true)]
    public static extern int listen(int fd, int backlog);

    /// <summary>Takes the next connection that waits, and its peer's address (accept4(2)).</summary>
    [DllImport(Name, SetLastError = true)]
    public static extern int accept4(int fd, PeerAddress* address, uint* length, int flags);

    /// <summary>Connects to an address (connect(2)).</summary>
    [DllImport(Name, SetLastError = true)]
    public static extern int connect(int fd, byte* address, uint length);

    /// <summary>Receives what is there: the number of octets, 0 at the end (recv(2)).</summary>
    [DllImport(Name, SetLastError = true)]
    public static extern nint recv(int fd, byte* buffer, nuint length, int flags);

    /// <summary>Sends what there is room for: the number of octets (send(2)).</summary>
    [DllImport(Name, SetLastError = true)]
    public static extern nint send(int fd, byte* buffer, nuint length, int flags);

    /// <summary>Ends one direction of a connection or both (shutdown(2)).</summary>
    [DllImport(Name, SetLastError = true)]
    public static extern int shutdown(int fd, int how);

    /// <summary>Sets an option that is a number (setsockopt(2)).</summary>
    [DllImport(Name, SetLastError = true)]
    public static extern int setsockopt(int fd, int level, int option, int* value, uint length);

    /// <summary>Reads an option that is a number (getsockopt(2)).</summary>
    [DllImport(Name, SetLastError = true)]
    public static extern int getsockopt(int fd, int level, int option, int* value, uint* length);

    /// <summary>Makes a set of descriptors to wait for (epoll_create1(2)).</summary>
    [DllImport(Name, SetLastError = true)]
    public static extern int epoll_create1(int flags);

    /// <summary>Adds a descriptor to the set, or changes what is waited for (epoll_ctl(2)).</summary>
    [DllImport(Name, SetLastError = true)]
    public static extern int epoll_ctl(int epoll, int operation, int fd, EpollEvent* entry);

    /// <summary>Waits for events of the set: their number (epoll_wait(2)).</summary>
    [DllImport(Name, SetLastError = true)]
    public static extern int epoll_wait(int epoll, EpollEvent* entries, int count, int milliseconds);
}

/// <summary>struct epoll_event of epoll_ctl(2), alone rather than in an array: the kernel packs it on x86-64 and nowhere
/// else.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 4, Size = 16)]
internal struct EpollEvent
{
    private static readonly bool packed = RuntimeInformation.ProcessArchitecture == Architecture.X64;
    public uint Events;
    private uint first;
    private uint second;
    private uint third;

    /// <summary>What was handed in with the descriptor.</summary>
    public long Data
    {
        readonly get => packed ? Join(first, second) : Join(second, third);
        set => (first, second, third) = packed ? (Low(value), High(value), 0) : (0u, Low(value), High(value));
    }

    private static long Join(uint low, uint high) => low | ((long)high << 32);

    private static uint Low(long value) => (uint)value;

    private static uint High(long value) => (uint)(value >>> 32);
}

/// <summary>struct sockaddr_storage of socket(7), read as an Internet address.</summary>
[StructLayout(LayoutKind.Sequential, Size = 128)]
internal unsafe struct PeerAddress
{
    public ushort Family;
    private ushort networkPort;

    /// <summary>The address where the family is AF_INET, the flow label where it is AF_INET6.</summary>
    public fixed byte Address4[4];

    /// <summary>The address where the family is AF_INET6.</summary>
    public fixed byte Address6[16];

    public readonly int Port =>
        BitConverter.IsLittleEndian ? BinaryPrimitives.ReverseEndianness(networkPort) : networkPort;
}
