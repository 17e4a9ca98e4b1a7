using System.Runtime.InteropServices;

namespace Dkim.Hosting.Native;

/// <summary>Calls for processes: this one, its limits and environment, and others that it starts.</summary>
internal static unsafe partial class Libc
{
    public const int RLIMIT_CORE = 4;
    public const int RLIMIT_NOFILE = 7;
    public const int PR_SET_DUMPABLE = 4;
    public const int PR_GET_NO_NEW_PRIVS = 39;
    public const short POSIX_SPAWN_SETSIGMASK = 0x08;
    public const short POSIX_SPAWN_SETSID = 0x80;
    public const int AT_SECURE = 23;
    public const int SIGKILL = 9;
    public const int SIGPIPE = 13;
    public const int SIG_DFL = 0;
    public const int SIG_IGN = 1;
    public const int SIG_SETMASK = 2;

    /// <summary>Sends a signal; with 0 only sees whether it could (kill(2)).</summary>
    [DllImport(Name, SetLastError = true)]
    public static extern int kill(int pid, int signal);

    /// <summary>Waits for a child to end; gives its id (waitpid(2)).</summary>
    [DllImport(Name, SetLastError = true)]
    public static extern int waitpid(int pid, int* status, int options);

    /// <summary>Sets a limit of this process (setrlimit(2)).</summary>
    [DllImport(Name, SetLastError = true)]
    public static extern int setrlimit(int resource, ResourceLimit* limit);

    /// <summary>Reads a limit of this process (getrlimit(2)).</summary>
    [DllImport(Name, SetLastError = true)]
    public static extern int getrlimit(int resource, ResourceLimit* limit);

    /// <summary>Reads or sets what Linux alone knows of a process (prctl(2)).</summary>
    [DllImport(Name, SetLastError = true)]
    public static extern int prctl(int option, nuint a, nuint b, nuint c, nuint d);

    /// <summary>Starts a program; gives an error number (posix_spawn(3)).</summary>
    [DllImport(Name)]
    public static extern int posix_spawn(
        int* pid, byte* path, SpawnActions* actions, SpawnAttributes* attributes, byte** argv, byte** environment);

    /// <summary>Makes an empty list of what to do with descriptors (posix_spawn_file_actions_init(3)).</summary>
    [DllImport(Name)]
    public static extern int posix_spawn_file_actions_init(SpawnActions* actions);

    /// <summary>Adds a dup2; to itself it takes close-on-exec from a descriptor (posix_spawn_file_actions_adddup2(3)).</summary>
    [DllImport(Name)]
    public static extern int posix_spawn_file_actions_adddup2(SpawnActions* actions, int from, int to);

    /// <summary>Frees the list (posix_spawn_file_actions_destroy(3)).</summary>
    [DllImport(Name)]
    public static extern int posix_spawn_file_actions_destroy(SpawnActions* actions);

    /// <summary>Makes attributes that change nothing (posix_spawnattr_init(3)).</summary>
    [DllImport(Name)]
    public static extern int posix_spawnattr_init(SpawnAttributes* attributes);

    /// <summary>Says which attributes count (posix_spawnattr_setflags(3)).</summary>
    [DllImport(Name)]
    public static extern int posix_spawnattr_setflags(SpawnAttributes* attributes, short flags);

    /// <summary>Sets the signals that are blocked in the new process (posix_spawnattr_setsigmask(3)).</summary>
    [DllImport(Name)]
    public static extern int posix_spawnattr_setsigmask(SpawnAttributes* attributes, SignalSet* mask);

    /// <summary>Frees the attributes (posix_spawnattr_destroy(3)).</summary>
    [DllImport(Name)]
    public static extern int posix_spawnattr_destroy(SpawnAttributes* attributes);

    /// <summary>Becomes another program; returns only where that fails (execv(3)).</summary>
    [DllImport(Name, SetLastError = true)]
    public static extern int execv(byte* path, byte** arguments);

    /// <summary>Sets what a signal does; gives what it did (signal(2)).</summary>
    [DllImport(Name)]
    public static extern nint signal(int number, nint handler);

    /// <summary>Sets the signals that this thread blocks (pthread_sigmask(3)).</summary>
    [DllImport(Name)]
    public static extern int pthread_sigmask(int how, SignalSet* set, SignalSet* old);

    /// <summary>A variable of the environment as it is now; null where it is not set (getenv(3)).</summary>
    [DllImport(Name)]
    public static extern byte* getenv(byte* name);

    /// <summary>Sets a variable for programs that this process becomes or starts (setenv(3)).</summary>
    [DllImport(Name)]
    public static extern int setenv(byte* name, byte* value, int replace);

    /// <summary>What the kernel told the process at its start (getauxval(3)).</summary>
    [DllImport(Name)]
    public static extern nuint getauxval(nuint type);

    /// <summary>The name of this machine (gethostname(2)).</summary>
    [DllImport(Name)]
    public static extern int gethostname(byte* name, nuint length);

    /// <summary>Seconds since 1970 as a date of the machine's time zone (localtime_r(3)).</summary>
    [DllImport(Name)]
    public static extern LocalDate* localtime_r(long* time, LocalDate* date);
}

/// <summary>struct rlimit of getrlimit(2).</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct ResourceLimit
{
    /// <summary>What holds; the process may raise it up to <see cref="Hard"/>.</summary>
    public ulong Soft;

    /// <summary>What only root may raise.</summary>
    public ulong Hard;
}

/// <summary>posix_spawn_file_actions_t, opaque, with room to spare.</summary>
[StructLayout(LayoutKind.Sequential, Size = 256)]
internal struct SpawnActions;

/// <summary>posix_spawnattr_t, opaque, with room to spare.</summary>
[StructLayout(LayoutKind.Sequential, Size = 512)]
internal struct SpawnAttributes;

/// <summary>sigset_t of glibc. Its default is the empty set.</summary>
[StructLayout(LayoutKind.Sequential, Size = 128)]
internal struct SignalSet;

/// <summary>struct tm of ctime(3), up to the last field that is read.</summary>
[StructLayout(LayoutKind.Sequential, Size = 128)]
internal struct LocalDate
{
    public int Second;
    public int Minute;
    public int Hour;
    public int Day;

    /// <summary>From 0.</summary>
    public int Month;
}
