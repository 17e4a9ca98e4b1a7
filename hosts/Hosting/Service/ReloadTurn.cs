using System.Text;
using Dkim.Core.Words;
using Dkim.Hosting.Files;
using Dkim.Hosting.Logging;
using Dkim.Hosting.Native;

namespace Dkim.Hosting.Service;

/// <summary>One reading of the configuration again: the service manager is told of it, and whoever waits for its outcome, a
/// unit's ExecReload, gets it through the named pipe <c>reload</c> in the directory of RUNTIME_DIRECTORY
/// (systemd.exec(5)).</summary>
public sealed class ReloadTurn : IDisposable
{
    // Of several directories, which stand between colons, the first.
    private const char Separator = ':';
    private int answer;

    private ReloadTurn(int answer) => this.answer = answer;

    /// <summary>Begins before anything is read: who asks later waits for what is read later.</summary>
    public static ReloadTurn Begin()
    {
        Systemd.Reloading();
        return new ReloadTurn(FindPipe());
    }

    /// <summary>The configuration that was read is in force.</summary>
    public void Applied() => End("configuration reloaded", "reloaded");

    /// <summary>It is not, and all stays as it was.</summary>
    /// <param name="why">For people, in a line.</param>
    public void Refused(string why) => End(why, why);

    public void Dispose()
    {
        if (answer >= 0)
            _ = Libc.close(answer);
        answer = -1;
    }

    // The manager first: it is to know the outcome before the command that waits for it ends.
    private void End(string status, string said)
    {
        Systemd.Ready(status);
        if (answer >= 0)
            Libc.WriteAll(answer, Encoding.ASCII.GetBytes(Printable.escape(said) + "\n"));
    }

    // A pipe that nobody reads cannot be opened, and what is no pipe is not written to.
    private static int FindPipe()
    {
        if (Environment.GetEnvironmentVariable("RUNTIME_DIRECTORY")?.Split(Separator)[0] is not { Length: > 0 } directory)
            return -1;
        var pipe = Libc.Open(
            Path.Combine(directory, "reload"), Libc.O_WRONLY | Libc.O_NONBLOCK | Libc.O_NOFOLLOW | Libc.O_CLOEXEC);
        if (pipe < 0 || (FileFacts.TryRead(pipe, out var facts) && facts.IsPipe))
            return pipe;
        _ = Libc.close(pipe);
        return -1;
    }
}
