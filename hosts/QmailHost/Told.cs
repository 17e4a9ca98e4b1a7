using System.Text;
using Dkim.Core.Programs.Qmail;
using Dkim.Hosting;

namespace Dkim.QmailHost;

/// <summary>What is said to the caller beside the exit code.</summary>
internal static unsafe class Told
{
    private const int Errors = 2;

    // Where qmail_open of notqmail 1.09 has its pipe for the text of exit code 82.
    private const int ForClient = 6;
    private const int CustomError = 82;

    /// <summary>A line on descriptor 2, where the caller has one.</summary>
    public static void Say(string text)
    {
        if (StandardStreams.IsOfCaller(Errors))
        {
            _ = Libc.WriteAll(Errors, Encoding.Latin1.GetBytes(QmailDk.line(text)));
        }
    }

    /// <summary>Says why nothing is handed on; returns the exit code.</summary>
    public static int Refuse(QmailRefusal refusal)
    {
        Say(refusal.Reason);
        return refusal.Reply.Length > 0 && IsReplyPipe() && Libc.WriteAll(ForClient, Encoding.Latin1.GetBytes(refusal.Reply))
            ? CustomError
            : refusal.Code;
    }

    private static bool IsReplyPipe() =>
        StandardStreams.IsOfCaller(ForClient)
        && FileFacts.TryRead(ForClient, out var facts) && facts.IsPipe
        && (Libc.fcntl(ForClient, Libc.F_GETFL, 0) & Libc.O_ACCMODE) == Libc.O_WRONLY;
}
