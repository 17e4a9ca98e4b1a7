using System.Collections;
using System.Runtime.InteropServices;
using System.Text;
using Dkim.Core.Programs.Running;
using Dkim.Hosting.Native;
using Microsoft.Win32.SafeHandles;

namespace Dkim.Hosting.Processes;

/// <summary>This process: its name, its limits, and a second copy of itself.</summary>
public static unsafe class OwnProcess
{
    /// <summary>The name the program was started by: the last part of argv[0], also through a link and under
    /// <c>dotnet program.dll</c>.</summary>
    public static string ProgramName { get; } = FindProgramName(Arguments());

    /// <summary>Whether it may do what root may.</summary>
    public static bool IsRoot => Libc.geteuid() == 0;

    /// <summary>Sets the file mode creation mask and returns the old one.</summary>
    public static uint SetUmask(uint mask) => Libc.umask(mask);

    /// <summary>Keeps what is in memory out of core files and from other processes of the same user. A change of user
    /// resets it: call it after that.</summary>
    public static void ForbidCoreDumps()
    {
        var none = default(ResourceLimit);
        _ = Libc.setrlimit(Libc.RLIMIT_CORE, &none);
        _ = Libc.prctl(Libc.PR_SET_DUMPABLE, 0, 0, 0, 0);
    }

    /// <summary>Whether programs that this process starts get no rights by a set-user-ID or set-group-ID bit (prctl(2),
    /// PR_GET_NO_NEW_PRIVS).</summary>
    public static bool HasNoNewPrivileges => Libc.prctl(Libc.PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;

    /// <summary>Asks for core files of any size, also after a change of user.</summary>
    public static void AllowCoreDumps()
    {
        var limit = new ResourceLimit { Soft = ulong.MaxValue, Hard = ulong.MaxValue };
        if (Libc.setrlimit(Libc.RLIMIT_CORE, &limit) != 0)
        {
            RaiseToHard(Libc.RLIMIT_CORE);
        }

        _ = Libc.prctl(Libc.PR_SET_DUMPABLE, 1, 0, 0, 0);
    }

    /// <summary>Allows as many descriptors, and so connections, as the administrator does at most: what a shell or init
    /// sets to begin with is 1,024, and the runtime of native code leaves it there.</summary>
    public static void AllowAllDescriptors() => RaiseToHard(Libc.RLIMIT_NOFILE);

    private static void RaiseToHard(int resource)
    {
        ResourceLimit limit;
        if (Libc.getrlimit(resource, &limit) == 0)
        {
            limit.Soft = limit.Hard;
            _ = Libc.setrlimit(resource, &limit);
        }
    }

    /// <summary>How many connections to take at once, so that a fourth of the descriptors that this process may have,
    /// and forty at least, is left for lookups, files and the log.</summary>
    /// <param name="wanted">As many as that, if there are descriptors for them.</param>
    /// <param name="each">Descriptors that a connection takes.</param>
    public static int MostConnections(int wanted, int each = 1)
    {
        var allowed = AllowedDescriptors();
        var forConnections = Math.Min(allowed / 4 * 3, allowed - ServiceLimits.SpareDescriptors);
        return (int)Math.Clamp(forConnections / each, 1, Math.Max(1, wanted));
    }

    /// <summary>How many descriptors this process may have open.</summary>
    public static long AllowedDescriptors()
    {
        ResourceLimit limit;
        return Libc.getrlimit(Libc.RLIMIT_NOFILE, &limit) == 0 ? (long)Math.Min(limit.Soft, long.MaxValue) : 1024;
    }

    /// <summary>Makes a directory the one where relative paths start.</summary>
    /// <exception cref="StartupException">There is no such directory, or the process may not enter it.</exception>
    public static void ChangeDirectory(string directory)
    {
        try
        {
            Environment.CurrentDirectory = directory;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new StartupException(StartupFault.Directory, $"{directory}: chdir(): {failure.Message}");
        }
    }

    /// <summary>Whether this process may make and remove files in a directory.</summary>
    public static bool MayWriteIn(string directory)
    {
        fixed (byte* path = Libc.Text(directory))
        {
            return Libc.access(path, Libc.W_OK_X_OK) == 0;
        }
    }

    /// <summary>Makes a directory the root of all paths from now on.</summary>
    /// <exception cref="StartupException">There is no such directory, or the process may not.</exception>
    public static void ChangeRoot(string directory)
    {
        fixed (byte* path = Libc.Text(directory), root = "/\0"u8)
        {
            if (Libc.chroot(path) != 0 || Libc.chdir(root) != 0)
            {
                throw new StartupException(
                    StartupFault.Privileges, $"chroot to {directory} failed: {Libc.Describe(Libc.LastError)}");
            }
        }
    }

    /// <summary>Opens a log file to append to, made with mode 0640 where there is none.</summary>
    /// <exception cref="StartupException">The file cannot be opened.</exception>
    public static SafeFileHandle OpenLogFile(string file)
    {
        var fd = Libc.Open(file, Libc.O_WRONLY | Libc.O_CREAT | Libc.O_APPEND, 0x1A0);
        return fd >= 0 ? new SafeFileHandle(fd, ownsHandle: true)
            : throw new StartupException(StartupFault.LogFile, $"{file}: {Libc.Describe(Libc.LastError)}");
    }

    /// <summary>Makes an open file the standard error from now on.</summary>
    public static void SendStandardErrorTo(SafeFileHandle file) => _ = Libc.dup2((int)file.DangerousGetHandle(), 2);

    /// <summary>True when there is a process of that id, of whatever user.</summary>
    public static bool IsAlive(int process) =>
        process > 0 && (Libc.kill(process, 0) == 0 || Libc.LastError == Libc.EPERM);

    /// <summary>Sends a signal to a process of ours.</summary>
    internal static void Send(int process, Signal signal) => _ = Libc.kill(process, (int)signal);

    /// <summary>Starts this program again, with its arguments and name, and this environment on top of ours.</summary>
    /// <param name="inherited">Descriptors that stay open in the copy.</param>
    /// <param name="newSession">True to detach it from the terminal.</param>
    /// <returns>The process id of the copy.</returns>
    internal static int StartCopy(
        IReadOnlyDictionary<string, string> environment, IEnumerable<int> inherited, bool newSession)
    {
        var program = Environment.ProcessPath
            ?? throw new StartupException(StartupFault.Daemon, "the program's own file cannot be found");
        var variables = Environment.GetEnvironmentVariables().Cast<DictionaryEntry>()
            .Where(entry => !environment.ContainsKey((string)entry.Key))
            .Select(entry => $"{entry.Key}={entry.Value}")
            .Concat(environment.Select(entry => $"{entry.Key}={entry.Value}"));
        SpawnAttributes attributes;
        SpawnActions actions;
        var noSignals = default(SignalSet);
        _ = Libc.posix_spawnattr_init(&attributes);
        _ = Libc.posix_spawnattr_setsigmask(&attributes, &noSignals);
        _ = Libc.posix_spawnattr_setflags(
            &attributes, (short)(Libc.POSIX_SPAWN_SETSIGMASK | (newSession ? Libc.POSIX_SPAWN_SETSID : 0)));
        _ = Libc.posix_spawn_file_actions_init(&actions);
        foreach (var descriptor in inherited)
        {
            // To itself: that takes close-on-exec from it.
            _ = Libc.posix_spawn_file_actions_adddup2(&actions, descriptor, descriptor);
        }

        try
        {
            var process = 0;
            fixed (byte* path = Libc.Text(program))
            {
                using var argv = new TextVector(Arguments());
                using var envp = new TextVector([.. variables]);
                var error = Libc.posix_spawn(&process, path, &actions, &attributes, argv.Start, envp.Start);
                return error == 0 ? process
                    : throw new StartupException(
                        StartupFault.Daemon, $"{program} cannot be started: {Libc.Describe(error)}");
            }
        }
        finally
        {
            _ = Libc.posix_spawn_file_actions_destroy(&actions);
            _ = Libc.posix_spawnattr_destroy(&attributes);
        }
    }

    /// <summary>Waits for a copy to end: its exit code, or 128 and the number of the signal that ended it.</summary>
    internal static int WaitFor(int process)
    {
        var status = 0;
        while (Libc.waitpid(process, &status, 0) < 0)
        {
            if (Libc.LastError != Libc.EINTR)
            {
                return 1;
            }
        }

        return (status & 0x7f) == 0 ? (status >> 8) & 0xff : 128 + (status & 0x7f);
    }

    internal static string FindProgramName(IReadOnlyList<string> arguments)
    {
        var first = Path.GetFileName(arguments.Count > 0 ? arguments[0] : "");
        var program = first is "dotnet" && arguments.Count > 1
            ? arguments.Skip(1).FirstOrDefault(argument => argument.EndsWith(".dll", StringComparison.Ordinal))
            : null;
        return program is null ? first : Path.GetFileNameWithoutExtension(program);
    }

    // The command line the kernel keeps: under a JIT the runtime's own list begins with the dll instead of argv[0].
    private static string[] Arguments()
    {
        var line = File.ReadAllBytes("/proc/self/cmdline");
        var text = Encoding.UTF8.GetString(line.AsSpan(0, Math.Max(0, line.Length - 1)));
        return text.Split('\0');
    }

    /// <summary>A NULL-terminated vector of C strings outside the managed heap.</summary>
    private readonly ref struct TextVector
    {
        private readonly int count;

        public TextVector(string[] texts)
        {
            count = texts.Length;
            Start = (byte**)NativeMemory.AllocZeroed((nuint)(count + 1), (nuint)sizeof(byte*));
            for (var i = 0; i < count; i++)
            {
                var octets = Libc.Text(texts[i]);
                Start[i] = (byte*)NativeMemory.Alloc((nuint)octets.Length);
                octets.CopyTo(new Span<byte>(Start[i], octets.Length));
            }
        }

        public byte** Start { get; }

        public void Dispose()
        {
            for (var i = 0; i < count; i++)
            {
                NativeMemory.Free(Start[i]);
            }

            NativeMemory.Free(Start);
        }
    }
}
