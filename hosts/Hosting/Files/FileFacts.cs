using Dkim.Hosting.Native;

namespace Dkim.Hosting.Files;

/// <summary>What the file system says about a file, from <c>statx</c>, laid out alike on every processor.</summary>
/// <param name="Mode">Type and permission bits, as in <c>st_mode</c>.</param>
/// <param name="Inode">Inode number; with <paramref name="Device"/> the identity of the file.</param>
/// <param name="Modified">Time of last change of the content, nanoseconds since 1970-01-01T00:00:00Z.</param>
internal readonly record struct FileFacts(
    uint Mode, uint Owner, uint Group, ulong Inode, ulong Device, long Size, long Modified)
{
    private const uint TypeMask = 0xF000;

    public bool IsRegular => (Mode & TypeMask) == 0x8000;

    public bool IsSocket => (Mode & TypeMask) == 0xC000;

    public bool IsPipe => (Mode & TypeMask) == 0x1000;

    /// <summary>The device as <c>st_dev</c> has it (gnu_dev_makedev(3)).</summary>
    public ulong DeviceNumber
    {
        get
        {
            var (major, minor) = (Device >> 32, Device & 0xffffffff);
            return (minor & 0xff) | ((major & 0xfff) << 8) | ((minor & ~0xffUL) << 12) | ((major & ~0xfffUL) << 32);
        }
    }

    public uint Permissions => Mode & 0xFFF;

    /// <summary>The permission bits as an administrator writes them: four octal digits.</summary>
    public string OctalPermissions => Convert.ToString(Permissions, 8).PadLeft(4, '0');

    public static bool TryRead(int fd, out FileFacts facts) => TryRead(fd, "", Libc.AT_EMPTY_PATH, out facts);

    public static bool TryRead(string path, bool followLinks, out FileFacts facts) =>
        TryRead(Libc.AT_FDCWD, path, followLinks ? 0 : Libc.AT_SYMLINK_NOFOLLOW, out facts);

    private static unsafe bool TryRead(int directory, string path, int flags, out FileFacts facts)
    {
        Statx read;
        fixed (byte* name = Libc.Text(path))
        {
            if (Libc.statx(directory, name, flags, Libc.STATX_BASIC_STATS, &read) != 0)
            {
                facts = default;
                return false;
            }
        }

        facts = new FileFacts(
            Mode: read.Mode,
            Owner: read.Owner,
            Group: read.Group,
            Inode: read.Inode,
            Device: ((ulong)read.DeviceMajor << 32) | read.DeviceMinor,
            Size: (long)read.Size,
            Modified: (read.Modified.Seconds * 1_000_000_000) + read.Modified.Nanoseconds);
        return true;
    }
}
