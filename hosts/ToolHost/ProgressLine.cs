using Dkim.Core.Programs.Tool.Running;
using Dkim.Hosting.Processes;

namespace Dkim.ToolHost;

/// <summary>One line on a terminal that says how far a command has come, once it takes long. It is written over and taken
/// away with blanks, since not every terminal knows control sequences.</summary>
internal sealed class ProgressLine(TimeProvider clock)
{
    private readonly bool isShown = StandardStreams.IsErrorTerminal;
    private readonly long started = clock.GetTimestamp();
    private TimeSpan due = ToolLimits.progressAfter;
    private int length;

    public void Tell(ToolProgress progress)
    {
        if (!isShown)
        {
            return;
        }

        var now = clock.GetElapsedTime(started);
        if (now < due)
        {
            return;
        }

        due = now + ToolLimits.progressPause;
        var text = progress.Text;
        StandardStreams.Complain("\r" + text.PadRight(length));
        length = text.Length;
    }

    /// <summary>Does work, and meanwhile tells from time to time how far it has come.</summary>
    public void Watch(Action work, Func<ToolProgress> told)
    {
        var pause = isShown ? ToolLimits.progressPause : Timeout.InfiniteTimeSpan;
        var timer = clock.CreateTimer(_ => Tell(told()), null, pause, pause);
        try
        {
            work();
        }
        finally
        {
            // The line is this thread's again once the timer's last call is over.
            timer.DisposeAsync().AsTask().GetAwaiter().GetResult();
        }
    }

    /// <summary>Makes room for what is written to the terminal.</summary>
    public void Clear()
    {
        if (length > 0)
        {
            StandardStreams.Complain("\r" + new string(' ', length) + "\r");
            length = 0;
        }
    }
}
