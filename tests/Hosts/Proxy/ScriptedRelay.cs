using System.Text;

namespace Dkim.Hosts.Tests.Proxy;

/// <summary>
/// A next hop without sockets that reads strictly: CRLF alone ends a line, and anything else in a line end is recorded as
/// an offence. It answers from a table by verb, else 250, and keeps every command and every message it accepted.
/// </summary>
internal sealed class ScriptedRelay
{
    private readonly StringBuilder inbox = new();
    private readonly StringBuilder text = new();
    private bool inText;
    private int challenges;

    public Dictionary<string, string> Replies { get; } = new()
    {
        ["EHLO"] = "250-relay.example\r\n250-PIPELINING\r\n250-STARTTLS\r\n250-SIZE 1000\r\n250 CHUNKING\r\n",
        ["DATA"] = "354 go on\r\n",
        ["QUIT"] = "221 bye\r\n",
        ["."] = "250 2.0.0 queued\r\n",
    };

    public const string Greeting = "220 relay.example ESMTP\r\n";

    public List<string> Commands { get; } = [];

    public List<string> Messages { get; } = [];

    public List<string> Offences { get; } = [];

    /// <summary>Takes what the proxy sent and gives what a relay would answer.</summary>
    public string Take(string octets)
    {
        var answers = new StringBuilder();
        inbox.Append(octets);
        for (; ; )
        {
            var all = inbox.ToString();
            var end = all.IndexOf("\r\n", StringComparison.Ordinal);
            if (end < 0)
                return answers.ToString();
            inbox.Remove(0, end + 2);
            var line = all[..end];
            if (line.AsSpan().IndexOfAny('\r', '\n') >= 0)
                Offences.Add(line);
            answers.Append(inText ? TakeText(line) : TakeCommand(line));
        }
    }

    private string TakeText(string line)
    {
        if (line != ".")
        {
            text.Append(line.StartsWith('.') ? line[1..] : line).Append("\r\n");
            return "";
        }

        inText = false;
        Messages.Add(text.ToString());
        text.Clear();
        return Replies["."];
    }

    private string TakeCommand(string line)
    {
        Commands.Add(line);
        var verb = line.Split(' ')[0].ToUpperInvariant();
        if (challenges > 0)
        {
            challenges = line == "*" ? 0 : challenges - 1;
            return line == "*" ? "501 given up\r\n" : challenges > 0 ? "334 more\r\n" : "235 ok\r\n";
        }

        if (verb == "AUTH" && !Replies.ContainsKey("AUTH"))
        {
            challenges = 2;
            return "334 VXNlcm5hbWU6\r\n";
        }

        var answer = Replies.GetValueOrDefault(verb, $"250 {verb} ok\r\n");
        inText = verb == "DATA" && answer.StartsWith("354", StringComparison.Ordinal);
        return answer;
    }
}
