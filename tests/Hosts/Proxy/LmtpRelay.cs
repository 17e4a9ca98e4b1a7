using System.Text;

namespace Dkim.Tests.Hosts.Proxy;

/// <summary>An LMTP server without sockets (RFC 2033): no EHLO, and after the final dot a reply for each recipient that it
/// accepted. Addresses that begin with <c>unknown</c> are refused at RCPT, with <c>full</c> and <c>busy</c> after the
/// message.</summary>
internal sealed class LmtpRelay : IRelayScript
{
    private readonly StringBuilder text = new();
    private readonly List<string> recipients = [];
    private string inbox = "";
    private bool inText;

    public bool Ended { get; set; }

    /// <summary>What was delivered to whom.</summary>
    public List<(string Recipient, string Message)> Delivered { get; } = [];

    public string Take(string octets)
    {
        var answers = new StringBuilder();
        inbox += octets;
        for (int end; (end = inbox.IndexOf("\r\n", StringComparison.Ordinal)) >= 0;)
        {
            var line = inbox[..end];
            inbox = inbox[(end + 2)..];
            answers.Append(inText ? TakeText(line) : TakeCommand(line));
        }

        return answers.ToString();
    }

    private string TakeText(string line)
    {
        if (line != ".")
        {
            text.Append(line.StartsWith('.') ? line[1..] : line).Append("\r\n");
            return "";
        }

        inText = false;
        var answers = string.Concat(recipients.Select(Deliver));
        text.Clear();
        recipients.Clear();
        return answers;
    }

    private string Deliver(string recipient)
    {
        if (recipient.StartsWith("full", StringComparison.Ordinal))
            return $"552 5.2.2 <{recipient}> over quota\r\n";
        if (recipient.StartsWith("busy", StringComparison.Ordinal))
            return $"450-4.2.1 <{recipient}>\r\n450 4.2.1 is busy\r\n";
        Delivered.Add((recipient, text.ToString()));
        return $"250 2.0.0 <{recipient}> saved\r\n";
    }

    private string TakeCommand(string line)
    {
        switch (line.Split(' ', ':')[0].ToUpperInvariant())
        {
            case "LHLO":
                recipients.Clear();
                return "250-lmtp.example\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 ENHANCEDSTATUSCODES\r\n";
            case "MAIL":
            case "RSET":
                recipients.Clear();
                return "250 2.0.0 ok\r\n";
            case "RCPT":
                var recipient = line[(line.IndexOf('<') + 1)..line.IndexOf('>')];
                if (recipient.StartsWith("unknown", StringComparison.Ordinal))
                    return $"550 5.1.1 <{recipient}> unknown\r\n";
                recipients.Add(recipient);
                return "250 2.1.5 ok\r\n";
            case "DATA":
                inText = recipients.Count > 0;
                return inText ? "354 go on\r\n" : "503 5.5.1 no valid recipients\r\n";
            case "QUIT":
                return "221 2.0.0 bye\r\n";
            default:
                return "500 5.5.1 this is LMTP\r\n";
        }
    }
}
