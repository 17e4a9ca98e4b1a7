using System.Runtime.InteropServices;

namespace Dkim.Hosting.Native;

/// <summary>Calls that name a file.</summary>
internal static unsafe partial class Libc
{
    public const int O_RDONLY = 0;
    public const int O_WRONLY = 1;
    public const int O_RDWR = 2;
    public const int O_ACCMODE = 3;
    public const int O_CREAT = 0x40;
    public const int O_EXCL = 0x80;
    public const int O_APPEND = 0x400;
    public const int O_NONBLOCK = 0x800;
    public const int O_CLOEXEC = 0x80000;

    // The only two open flags whose values differ between the processors we run on.
    public static readonly int O_DIRECTORY =
        RuntimeInformation.ProcessArchitecture is Architecture.Arm64 or Architecture.Arm ? 0x4000 : 0x10000;

    public static readonly int O_NOFOLLOW =
        RuntimeInformation.ProcessArchitecture is Architecture.Arm64 or Architecture.Arm ? 0x8000 : 0x20000;

    public static readonly int O_TMPFILE = 0x400000 | O_DIRECTORY;

    /// <summary>Relative paths start in the current directory (statx(2), AT_FDCWD).</summary>
    public const int AT_FDCWD = -100;
    public const int AT_SYMLINK_NOFOLLOW = 0x100;
    public const int AT_EMPTY_PATH = 0x1000;
    public const uint STATX_BASIC_STATS = 0x7ff;

    public const int F_OK = 0;
    public const int W_OK_X_OK = 3;

    public const uint MFD_CLOEXEC = 1;

    /// <summary>Opens a file, or makes one with these permissions (open(2)).</summary>
    [DllImport(Name, SetLastError = true)]
    public static extern int open(byte* path, int flags, uint mode);

    /// <summary>Makes a file in memory, without a path (memfd_create(2)).</summary>
    [DllImport(Name, SetLastError = true)]
    public static extern int memfd_create(byte* name, uint flags);

    /// <summary>Makes a file of a name of its own, which replaces the six X at the end (mkostemp(3)).</summary>
    [DllImport(Name, SetLastError = true)]
    public static extern int mkostemp(byte* template, int flags);

    /// <summary>Removes a name of a file (unlink(2)).</summary>
    [DllImport(Name, SetLastError = true)]
    public static extern int unlink(byte* path);

    /// <summary>Renames a file, over another of that name (rename(2)).</summary>
    [DllImport(Name, SetLastError = true)]
    public static extern int rename(byte* from, byte* to);

    /// <summary>Cuts a file to so many octets (truncate(2)).</summary>
    [DllImport(Name, SetLastError = true)]
    public static extern int truncate(byte* path, long length);

    /// <summary>Gives a file to an owner and a group; a link itself rather than what it leads to (lchown(2)).</summary>
    [DllImport(Name, SetLastError = true)]
    public static extern int lchown(byte* path, uint owner, uint group);

    /// <summary>Gives an open file to an owner and a group (fchown(2)).</summary>
    [DllImport(Name, SetLastError = true)]
    public static extern int fchown(int fd, uint owner, uint group);

    /// <summary>Sets the permissions of a file (chmod(2)).</summary>
    [DllImport(Name, SetLastError = true)]
    public static extern int chmod(byte* path, uint mode);

    /// <summary>Sets the permissions of an open file (fchmod(2)).</summary>
    [DllImport(Name, SetLastError = true)]
    public static extern int fchmod(int fd, uint mode);

    /// <summary>Sees whether the real user may do something with a file (access(2)).</summary>
    [DllImport(Name, SetLastError = true)]
    public static extern int access(byte* path, int mode);

    /// <summary>Describes a file (statx(2)).</summary>
    [DllImport(Name, SetLastError = true)]
    public static extern int statx(int directory, byte* path, int flags, uint mask, Statx* facts);

    /// <summary>Takes permissions from all files made later; gives the mask before (umask(2)).</summary>
    [DllImport(Name)]
    public static extern uint umask(uint mask);

    /// <summary>Changes the root of all paths (chroot(2)).</summary>
    [DllImport(Name, SetLastError = true)]
    public static extern int chroot(byte* path);

    /// <summary>Changes where relative paths start (chdir(2)).</summary>
    [DllImport(Name, SetLastError = true)]
    public static extern int chdir(byte* path);
}

/// <summary>struct statx of statx(2), laid out alike on every processor.</summary>
[StructLayout(LayoutKind.Sequential, Size = 256)]
internal struct Statx
{
    public uint Mask;
    public uint BlockSize;
    public ulong Attributes;
    public uint Links;
    public uint Owner;
    public uint Group;
    public ushort Mode;
    public ushort Spare;
    public ulong Inode;
    public ulong Size;
    public ulong Blocks;
    public ulong AttributesMask;
    public StatxTime Accessed;
    public StatxTime Born;
    public StatxTime Changed;
    public StatxTime Modified;
    public uint SpecialMajor;
    public uint SpecialMinor;
    public uint DeviceMajor;
    public uint DeviceMinor;
}

/// <summary>struct statx_timestamp: seconds since 1970 and nanoseconds.</summary>
[StructLayout(LayoutKind.Sequential, Size = 16)]
internal struct StatxTime
{
    public long Seconds;
    public uint Nanoseconds;
}
