namespace Dkim.QmailHost;

/// <summary>The program ends with an exit code of qmail-queue(8), and nothing was handed on.</summary>
/// <param name="reason">Why, in one line, for descriptor 2.</param>
internal sealed class QueueFault(int code, string reason) : Exception(reason)
{
    public int Code { get; } = code;

    /// <summary>A call of the system failed.</summary>
    public static QueueFault OfSystem(int code, string what, int error) =>
        new(code, what + ": " + Libc.Describe(error));
}
