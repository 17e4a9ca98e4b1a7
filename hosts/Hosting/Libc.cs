using System.Runtime.InteropServices;
using System.Text;

namespace Dkim.Hosting;

/// <summary>The C library: blittable calls only, so that native code needs no marshalling stubs. A call that fails
/// returns -1 and leaves its reason in <see cref="Marshal.GetLastPInvokeError"/>.</summary>
internal static unsafe class Libc
{
    public const int EPERM = 1;
    public const int ENOENT = 2;
    public const int EINTR = 4;
    public const int EAGAIN = 11;
    public const int EACCES = 13;
    public const int EEXIST = 17;
    public const int EISDIR = 21;
    public const int EINVAL = 22;
    public const int ENOSPC = 28;
    public const int EPIPE = 32;
    public const int ERANGE = 34;
    public const int EOPNOTSUPP = 95;
    public const int ECONNABORTED = 103;
    public const int ECONNREFUSED = 111;
    public const int EDQUOT = 122;

    public const int O_RDONLY = 0;
    public const int O_WRONLY = 1;
    public const int O_RDWR = 2;
    public const int O_CREAT = 0x40;
    public const int O_APPEND = 0x400;
    public const int O_EXCL = 0x80;
    public const int O_NONBLOCK = 0x800;
    public const int O_CLOEXEC = 0x80000;

    // The only two open flags whose values differ between the processors we run on.
    public static readonly int O_DIRECTORY =
        RuntimeInformation.ProcessArchitecture is Architecture.Arm64 or Architecture.Arm ? 0x4000 : 0x10000;

    public static readonly int O_NOFOLLOW =
        RuntimeInformation.ProcessArchitecture is Architecture.Arm64 or Architecture.Arm ? 0x8000 : 0x20000;

    public static readonly int O_TMPFILE = 0x400000 | O_DIRECTORY;

    public const int LOCK_EX = 2;
    public const int LOCK_NB = 4;
    public const int F_GETFD = 1;
    public const int F_SETFD = 2;
    public const int FD_CLOEXEC = 1;

    public const short POLLIN = 1;
    public const short POLLOUT = 4;

    private const string Name = "libc.so.6";

    [DllImport(Name, SetLastError = true)]
    public static extern int open(byte* path, int flags, uint mode);
    [DllImport(Name, SetLastError = true)]
    public static extern int close(int fd);
    [DllImport(Name, SetLastError = true)]
    public static extern nint read(int fd, byte* buffer, nuint count);
    [DllImport(Name, SetLastError = true)]
    public static extern nint write(int fd, byte* buffer, nuint count);
    [DllImport(Name, SetLastError = true)]
    public static extern nint pwrite(int fd, byte* buffer, nuint count, long offset);
    [DllImport(Name, SetLastError = true)]
    public static extern int memfd_create(byte* name, uint flags);
    [DllImport(Name, SetLastError = true)]
    public static extern int mkostemp(byte* template, int flags);
    [DllImport(Name, SetLastError = true)]
    public static extern int unlink(byte* path);
    [DllImport(Name, SetLastError = true)]
    public static extern int rename(byte* from, byte* to);
    [DllImport(Name, SetLastError = true)]
    public static extern int truncate(byte* path, long length);
    [DllImport(Name, SetLastError = true)]
    public static extern int fchown(int fd, uint owner, uint group);
    [DllImport(Name, SetLastError = true)]
    public static extern int lchown(byte* path, uint owner, uint group);
    [DllImport(Name, SetLastError = true)]
    public static extern int chmod(byte* path, uint mode);
    [DllImport(Name, SetLastError = true)]
    public static extern int fchmod(int fd, uint mode);
    [DllImport(Name, SetLastError = true)]
    public static extern int flock(int fd, int operation);
    [DllImport(Name, SetLastError = true)]
    public static extern int fcntl(int fd, int command, nint argument);
    [DllImport(Name, SetLastError = true)]
    public static extern int dup2(int from, int to);
    [DllImport(Name, SetLastError = true)]
    public static extern int dup3(int from, int to, int flags);
    [DllImport(Name, SetLastError = true)]
    public static extern int pipe2(int* ends, int flags);
    [DllImport(Name, SetLastError = true)]
    public static extern int poll(PollEntry* entries, nuint count, int milliseconds);
    [DllImport(Name)]
    public static extern int isatty(int fd);
    [DllImport(Name, SetLastError = true)]
    public static extern int eventfd(uint initial, int flags);
    [DllImport(Name, SetLastError = true)]
    public static extern int access(byte* path, int mode);

    [DllImport(Name, SetLastError = true)]
    public static extern int statx(int directory, byte* path, int flags, uint mask, byte* buffer);

    [DllImport(Name, SetLastError = true)]
    public static extern int socket(int domain, int type, int protocol);
    [DllImport(Name, SetLastError = true)]
    public static extern int bind(int fd, byte* address, uint length);
    [DllImport(Name, SetLastError = true)]
    public static extern int connect(int fd, byte* address, uint length);
    [DllImport(Name, SetLastError = true)]
    public static extern int listen(int fd, int backlog);

    [DllImport(Name)]
    public static extern uint geteuid();
    [DllImport(Name)]
    public static extern uint getegid();
    [DllImport(Name, SetLastError = true)]
    public static extern int getresuid(uint* real, uint* effective, uint* saved);
    [DllImport(Name, SetLastError = true)]
    public static extern int getresgid(uint* real, uint* effective, uint* saved);
    [DllImport(Name)]
    public static extern uint getuid();
    [DllImport(Name)]
    public static extern uint getgid();
    [DllImport(Name, SetLastError = true)]
    public static extern int setresuid(uint real, uint effective, uint saved);
    [DllImport(Name, SetLastError = true)]
    public static extern int setresgid(uint real, uint effective, uint saved);
    [DllImport(Name, SetLastError = true)]
    public static extern int setuid(uint user);
    [DllImport(Name, SetLastError = true)]
    public static extern int chroot(byte* path);
    [DllImport(Name, SetLastError = true)]
    public static extern int chdir(byte* path);
    [DllImport(Name, SetLastError = true)]
    public static extern int setgid(uint group);
    [DllImport(Name, SetLastError = true)]
    public static extern int initgroups(byte* user, uint group);
    [DllImport(Name, SetLastError = true)]
    public static extern int setgroups(nuint count, uint* groups);
    [DllImport(Name, SetLastError = true)]
    public static extern int getgroups(int count, uint* groups);
    [DllImport(Name)]
    public static extern int getgrouplist(byte* user, uint group, uint* groups, int* count);
    [DllImport(Name)]
    public static extern int getpwnam_r(byte* name, byte* entry, byte* buffer, nuint length, byte** result);
    [DllImport(Name)]
    public static extern int getpwuid_r(uint id, byte* entry, byte* buffer, nuint length, byte** result);
    [DllImport(Name)]
    public static extern int getgrnam_r(byte* name, byte* entry, byte* buffer, nuint length, byte** result);
    [DllImport(Name)]
    public static extern uint umask(uint mask);
    [DllImport(Name, SetLastError = true)]
    public static extern int kill(int pid, int signal);
    [DllImport(Name, SetLastError = true)]
    public static extern int waitpid(int pid, int* status, int options);
    [DllImport(Name, SetLastError = true)]
    public static extern int setrlimit(int resource, ulong* limits);
    [DllImport(Name, SetLastError = true)]
    public static extern int getrlimit(int resource, ulong* limits);
    [DllImport(Name, SetLastError = true)]
    public static extern int prctl(int option, nuint a, nuint b, nuint c, nuint d);

    [DllImport(Name)]
    public static extern int posix_spawn(
        int* pid, byte* path, byte* actions, byte* attributes, byte** argv, byte** environment);
    [DllImport(Name)]
    public static extern int posix_spawn_file_actions_init(byte* actions);
    [DllImport(Name)]
    public static extern int posix_spawn_file_actions_adddup2(byte* actions, int from, int to);
    [DllImport(Name)]
    public static extern int posix_spawn_file_actions_destroy(byte* actions);
    [DllImport(Name)]
    public static extern int posix_spawnattr_init(byte* attributes);
    [DllImport(Name)]
    public static extern int posix_spawnattr_setflags(byte* attributes, short flags);
    [DllImport(Name)]
    public static extern int posix_spawnattr_setsigmask(byte* attributes, byte* mask);
    [DllImport(Name)]
    public static extern int posix_spawnattr_destroy(byte* attributes);

    [DllImport(Name)]
    public static extern byte* localtime_r(long* time, int* fields);

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

    public static int Open(string path, int flags, uint mode = 0)
    {
        fixed (byte* name = Text(path))
        {
            return open(name, flags | O_CLOEXEC, mode);
        }
    }

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

[StructLayout(LayoutKind.Sequential)]
internal struct PollEntry
{
    public int Descriptor;
    public short Events;
    public short Returned;
}
