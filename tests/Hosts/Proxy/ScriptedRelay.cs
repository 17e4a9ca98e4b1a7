using System.Security.Cryptography;
using System.Text;

namespace Dkim.Tests.Hosts.Proxy;

/// <summary>
/// A next hop without sockets that reads strictly: CRLF alone ends a line, and anything else in a line end is recorded
/// as an offence. It answers from a table by verb, else 250, and keeps every command and every message it accepted.
/// </summary>
internal sealed class ScriptedRelay : IRelayScript
{
    private string inbox = "";
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

    /// <summary>Keep the messages, not only their digests.</summary>
    public bool Keeps { get; init; } = true;

    public List<string> Digests { get; } = [];

    /// <summary>The connection of this session is over.</summary>
    public bool Ended { get; set; }

    public static string DigestOf(string message) =>
        Convert.ToHexString(SHA256.HashData(Encoding.Latin1.GetBytes(message)));

    /// <summary>Takes what the proxy sent and gives what a relay would answer.</summary>
    public string Take(string octets)
    {
        var answers = new StringBuilder();
        inbox += octets;
        for (var from = 0; ;)
        {
            var end = inbox.IndexOf("\r\n", from, StringComparison.Ordinal);
            if (end < 0)
            {
                inbox = inbox[from..];
                return answers.ToString();
            }

            var line = inbox[from..end];
            from = end + 2;
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
        Digests.Add(DigestOf(text.ToString()));
        if (Keeps)
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
        inText = verb == "DATA" && answer.StartsWith('3');
        return answer;
    }
}
