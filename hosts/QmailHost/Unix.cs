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
    /// <summary>The process has rights that its caller lacks.</summary>
    public static bool IsPrivileged => Libc.getauxval(Libc.AT_SECURE) != 0;

    /// <summary>Those of these variables that the environment has.</summary>
    public static Dictionary<string, string> Variables(IEnumerable<string> names)
    {
        var found = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var name in names)
        {
            if (Variable(name) is { } value)
            {
                found[name] = value;
            }
        }

        return found;
    }

    // One character for each octet; null where it is not set.
    private static string? Variable(string name)
    {
        fixed (byte* text = Libc.Octets(name))
        {
            var value = Libc.getenv(text);
            return value == null ? null : Encoding.Latin1.GetString(MemoryMarshal.CreateReadOnlySpanFromNullTerminated(value));
        }
    }

    /// <summary>Sets a variable for the next program.</summary>
    public static void SetVariable(string name, string value)
    {
        fixed (byte* variable = Libc.Octets(name), text = Libc.Octets(value))
        {
            if (Libc.setenv(variable, text, 1) != 0)
            {
                throw new QueueFault(QmailExit.OutOfMemory, "no memory for the variable " + name);
            }
        }
    }

    /// <summary>Opens a file; the descriptor is closed on exec, and what is made is the owner's alone.</summary>
    public static int Open(string path, int flags)
    {
        fixed (byte* text = Libc.Octets(path))
        {
            return Libc.open(text, flags | Libc.O_CLOEXEC, 0x180);
        }
    }
}
