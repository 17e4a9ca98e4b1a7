using System.Text;
using Dkim.Hosting.Native;

namespace Dkim.Hosting.Processes;

/// <summary>Standard input, output and error, as the caller left them. .NET's own console sets a terminal up for what
/// none of the programs does, and writes control sequences to it that nobody takes back.</summary>
public static class StandardStreams
{
    private const int In = 0;
    private const int Out = 1;
    private const int Err = 2;

    /// <summary>The exit code of a program whose output cannot be written (sysexits' EX_IOERR).</summary>
    public const int OutputFault = 74;

    /// <summary>Whether standard output is a terminal that knows colours and whose user has not refused them
    /// (NO_COLOR, see no-color.org).</summary>
    public static bool HasColour =>
        Libc.isatty(Out) == 1
        && string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR"))
        && Environment.GetEnvironmentVariable("TERM") is not (null or "" or "dumb");

    /// <summary>How wide the terminal is that standard output is; nothing where it is none, or does not say.</summary>
    public static unsafe int? Columns
    {
        get
        {
            WindowSize size;
            return Libc.ioctl(Out, Libc.TIOCGWINSZ, &size) == 0 && size.Columns > 0 ? size.Columns : null;
        }
    }

    /// <summary>Whether standard input is a terminal.</summary>
    public static bool IsInputTerminal => Libc.isatty(In) == 1;

    /// <summary>Whether standard error is a terminal.</summary>
    public static bool IsErrorTerminal => Libc.isatty(Err) == 1;

    public static Stream OpenInput() => new DescriptorStream(In);

    public static Stream OpenOutput() => new DescriptorStream(Out);

    /// <summary>Writes a text to standard output and gives the exit code: <paramref name="exitCode"/>, or
    /// <see cref="OutputFault"/>, with a line that says why, unless the reader has gone.</summary>
    public static int Print(string text, int exitCode)
    {
        try
        {
            using var output = OpenOutput();
            output.Write(Encoding.UTF8.GetBytes(text));
            return exitCode;
        }
        catch (IOException failure)
        {
            return Failed(OwnProcess.ProgramName, failure);
        }
    }

    /// <summary>Says why standard output could not be written and gives the exit code. A reader that has gone knows it
    /// already, and so nothing is said.</summary>
    public static int Failed(string program, IOException failure)
    {
        if (failure is not ReaderGoneException)
            ComplainLine($"{program}: {failure.Message}");
        return OutputFault;
    }

    /// <summary>Writes a text to standard error. Where that fails there is nobody left to tell.</summary>
    public static void Complain(string text)
    {
        if (IsOfCaller(Err))
            _ = Libc.WriteAll(Err, Encoding.UTF8.GetBytes(text));
    }

    /// <summary>The same, with a line end.</summary>
    public static void ComplainLine(string line) => Complain(line + "\n");

    /// <summary>Whether a descriptor came from the caller. The runtime opens files of its own, closed on exec, under
    /// numbers that the caller left free.</summary>
    internal static bool IsOfCaller(int descriptor) => Libc.fcntl(descriptor, Libc.F_GETFD, 0) == 0;
}

/// <summary>Nobody reads what is written any more: the pipe's other end is closed.</summary>
public sealed class ReaderGoneException() : IOException("nobody reads the output any more");
