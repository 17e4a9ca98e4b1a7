namespace Dkim.QmailHost;

/// <summary>The program ends with an exit code of qmail-queue(8), and nothing was handed on.</summary>
internal sealed class QueueFault(int code) : Exception
{
    public int Code { get; } = code;
}
