using System.Net;
using System.Net.Sockets;
using Dkim.Tests.Hosts.Hosting;
using Dkim.Tests.Hosts.Proxy;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Milter;

/// <summary>Which process of a real Postfix or Sendmail answers for which macro at which stage, as docs/milter.md has
/// it.</summary>
internal sealed class MacroTableTests
{
    private static readonly string[] names =
        ["daemon_name", "daemon_addr", "j", "v", "_", "client_addr", "auth_type", "auth_authen", "i", "mail_addr", "rcpt_addr"];

    // What the entrance of Postfix says otherwise than main.cf, so that its smtpd and cleanup can be told from each other.
    private static readonly Dictionary<string, string> ofEntrance = new()
    {
        ["daemon_name"] = "ORIGINATING",
        ["v"] = "entrance",
        ["j"] = "entrance.example.net",
    };

    [TestCase("Postfix")]
    [TestCase("Sendmail")]
    public async Task The_documented_process_answers_for_each_macro_at_each_stage(string mta)
    {
        Tools.RequireRoot();
        if (mta == "Postfix")
            Tools.RequireProgram("postfix", "postfix");
        using var scratch = new Scratch();
        using var sink = new MailSink();
        using var logins = new LoginServer();
        using var milter = new MacroListener(names);
        var entrance = new Entrance(milter.Place)
        {
            DaemonName = ofEntrance["daemon_name"],
            Options =
            [
                $"milter_macro_v={ofEntrance["v"]}", $"myhostname={ofEntrance["j"]}", "smtpd_sasl_auth_enable=yes",
                "smtpd_sasl_type=dovecot", $"smtpd_sasl_path=inet:127.0.0.1:{logins.Port}",
            ],
        };
        using var server = IMailServer.Start(mta, scratch, sink, entrance);
        await SendAsync(entrance.Port, authenticated: mta == "Postfix");
        var rows = Rows(mta, milter);
        Assert.That(rows, Is.EqualTo(Documented(mta)), $"docs/milter.md has to say\n{string.Join('\n', rows)}");
    }

    private static async Task SendAsync(int port, bool authenticated)
    {
        using var client = await Client.ConnectAsync(new IPEndPoint(IPAddress.Loopback, port));
        Assert.That(await client.ReplyAsync(), Does.StartWith("220"));
        Assert.That(await client.SayAsync("EHLO client.example.org\r\n"), Does.StartWith("250"));
        if (authenticated)
            Assert.That(await client.SayAsync("AUTH PLAIN AGpvZQBqb2U=\r\n"), Does.StartWith("235"));
        var text = "From: joe@example.org\r\nDate: Fri, 20 Nov 2026 12:00:00 +0000\r\n\r\nOne line.\r\n";
        Assert.That(
            await Submission.SendAsync(client, text, "<joe@example.org>", "<b@example.com>"), Does.StartWith("250"));
        await client.SayAsync("QUIT\r\n");
    }

    private static string[] Rows(string mta, MacroListener milter) =>
    [
        .. from name in names
           let told = MacroListener.Stages.Select(
               stage => Cell(mta, stage, name, milter.Told.GetValueOrDefault((stage, name), "")))
           where mta == "Postfix" || !name.StartsWith("auth", StringComparison.Ordinal)
           select $"| {mta} | `{Shown(name)}` | {string.Join(" | ", told)} |",
    ];

    private static string Shown(string name) => name.Length == 1 ? name : $"{{{name}}}";

    // Who said it: of Postfix, by the value where the two have each their own, else by who holds the stage.
    private static string Cell(string mta, char stage, string name, string value)
    {
        if (value.Length == 0)
            return "-";
        if (mta == "Sendmail")
            return "sendmail";
        var bySmtpd = ofEntrance.TryGetValue(name, out var own) ? value == own : !"NE".Contains(stage);
        return bySmtpd ? "smtpd" : "cleanup";
    }

    private static string[] Documented(string mta)
    {
        for (var directory = new DirectoryInfo(AppContext.BaseDirectory); directory is not null; directory = directory.Parent)
        {
            var document = Path.Combine(directory.FullName, "docs/milter.md");
            if (File.Exists(document))
                return [.. File.ReadLines(document).Where(line => line.StartsWith($"| {mta} | `", StringComparison.Ordinal))];
        }

        Assert.Fail("there is no docs/milter.md");
        return [];
    }

    /// <summary>Takes every login, in the protocol that Postfix has from Dovecot.</summary>
    private sealed class LoginServer : IDisposable
    {
        private readonly TcpListener listener = new(IPAddress.Loopback, 0);

        public LoginServer()
        {
            listener.Start();
            _ = AcceptAsync();
        }

        public int Port => ((IPEndPoint)listener.LocalEndpoint).Port;

        public void Dispose() => listener.Dispose();

        private async Task AcceptAsync()
        {
            try
            {
                while (true)
                    _ = ServeAsync(await listener.AcceptTcpClientAsync());
            }
            catch (Exception failure) when (failure is SocketException or ObjectDisposedException)
            {
                // The test is over.
            }
        }

        private static async Task ServeAsync(TcpClient client)
        {
            using var connection = client;
            using var reader = new StreamReader(client.GetStream());
            using var writer = new StreamWriter(client.GetStream()) { AutoFlush = true };
            const string Cookie = "0123456789abcdef0123456789abcdef";
            await writer.WriteAsync($"VERSION\t1\t1\nMECH\tPLAIN\tplaintext\nSPID\t1\nCUID\t1\nCOOKIE\t{Cookie}\nDONE\n");
            while (await reader.ReadLineAsync() is { } line)
            {
                if (line.Split('\t') is ["AUTH", var id, ..])
                    await writer.WriteAsync($"OK\t{id}\tuser=joe\n");
            }
        }
    }
}
