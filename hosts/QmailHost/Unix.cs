using System.Runtime.InteropServices;
using System.Text;
using Dkim.Core.Programs.Qmail;
using Dkim.Core.Words;
using Dkim.Hosting;

namespace Dkim.QmailHost;

/// <summary>What qmail-dk asks of the system beside what all hosts do. Texts are octets: a path is passed on exactly as it
/// was given, in whatever encoding.</summary>
internal static unsafe class Unix
{
    public const int SIG_DFL = 0;
    public const int SIG_IGN = 1;
    public const int SIGPIPE = 13;
    public const uint MFD_CLOEXEC = 1;
    public const int SEEK_SET = 0;
    public const int F_GETFL = 3;
    public const int F_DUPFD_CLOEXEC = 1030;
    public const int SIG_SETMASK = 2;

    private const int Secure = 23;
    private const string Name = "libc.so.6";

    /// <summary>The process has rights that its caller lacks.</summary>
    public static bool IsPrivileged => getauxval(Secure) != 0;

    /// <summary>A variable of the environment, one character for each octet; null where it is not set.</summary>
    public static string? Variable(string name)
    {
        fixed (byte* text = Octets(name))
        {
            var value = getenv(text);
            return value == null ? null : Encoding.Latin1.GetString(MemoryMarshal.CreateReadOnlySpanFromNullTerminated(value));
        }
    }

    /// <summary>A text of one character for each octet, ended by NUL.</summary>
    public static byte[] Octets(string text)
    {
        var octets = new byte[text.Length + 1];
        Encoding.Latin1.GetBytes(text, octets);
        return octets;
    }

    /// <summary>Sets a variable for the next program.</summary>
    public static void SetVariable(string name, string value)
    {
        fixed (byte* variable = Octets(name), text = Octets(value))
        {
            if (setenv(variable, text, 1) != 0)
            {
                throw new QueueFault(QmailExit.OutOfMemory, "no memory for the variable " + name);
            }
        }
    }

    /// <summary>An error of the system in words.</summary>
    public static string Describe(int error) => Marshal.GetPInvokeErrorMessage(error);

    public static int Open(string path, int flags)
    {
        fixed (byte* text = Octets(path))
        {
            return Libc.open(text, flags | Libc.O_CLOEXEC, 0x180);
        }
    }

    [DllImport(Name)]
    public static extern byte* getenv(byte* name);
    [DllImport(Name)]
    public static extern int setenv(byte* name, byte* value, int replace);
    [DllImport(Name)]
    public static extern nuint getauxval(nuint type);
    [DllImport(Name, SetLastError = true)]
    public static extern int memfd_create(byte* name, uint flags);
    [DllImport(Name, SetLastError = true)]
    public static extern long lseek(int fd, long offset, int whence);
    [DllImport(Name, SetLastError = true)]
    public static extern int access(byte* path, int mode);
    [DllImport(Name, SetLastError = true)]
    public static extern int execv(byte* path, byte** arguments);
    [DllImport(Name)]
    public static extern nint signal(int number, nint handler);
    [DllImport(Name)]
    public static extern int pthread_sigmask(int how, byte* set, byte* old);
    [DllImport(Name)]
    public static extern int gethostname(byte* name, nuint length);
}
