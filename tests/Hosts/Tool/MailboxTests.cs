using System.Diagnostics;
using System.IO.Compression;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Dkim.Tests.Hosts.Hosting;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Tool;

/// <summary>dkim verify over mailboxes and folders: name servers that are dead, files that grow, links, pipes, gzip.</summary>
public sealed class MailboxTests
{
    private const string Message =
        "From: Ann <ann@example.com>\r\nSubject: hello\r\nDate: Fri, 20 Nov 2026 12:00:00 +0000\r\n\r\nHello.\r\n";

    private const string Separator = "From ann@example.com Fri Nov 20 12:00:00 2026\n";

    private Scratch scratch = null!;

    [SetUp]
    public void MakeScratch() => scratch = new Scratch();

    [TearDown]
    public void RemoveScratch() => scratch.Dispose();

    // Two rounds of a hundred look-ups of two seconds each, and then no more. Were each asked, it would be 200 seconds.
    [Test]
    public void Ten_thousand_messages_with_a_dead_name_server_end_in_bounded_time()
    {
        using var dead = new DeadServer();
        Directory.CreateDirectory(scratch.At("mail"));
        for (var i = 0; i < 10_000; i++)
        {
            File.WriteAllText(scratch.At($"mail/{i:D5}"), Signed($"d{i}.example"));
        }

        var clock = Stopwatch.StartNew();
        var ended = Dkim("", "verify", "--json", "--dns-timeout=2", $"--nameserver={dead.Name}", "mail");
        var elapsed = clock.Elapsed;
        Assert.That(ended.Code, Is.Zero, ended.Error);
        Assert.That(ended.Error, Does.Contain("the name servers do not answer"));
        Assert.That(ended.Output.Split("\"temperror\"").Length - 1, Is.EqualTo(10_000));
        Assert.That(dead.Names(), Is.InRange(1, 199), "names that were asked for");
        Assert.That(elapsed, Is.LessThan(TimeSpan.FromSeconds(30)));
    }

    [Test]
    public void A_mailbox_is_read_from_a_pipe_and_from_gzip()
    {
        var mailbox = string.Concat(Enumerable.Repeat(Separator + Message.Replace("\r\n", "\n", StringComparison.Ordinal) + "\n", 3000));
        using (var packed = new GZipStream(File.Create(scratch.At("box.gz")), CompressionLevel.Fastest))
        {
            packed.Write(Encoding.Latin1.GetBytes(mailbox));
        }

        var piped = Dkim(mailbox, "verify", "--json");
        var unpacked = Dkim("", "verify", "--json", "box.gz");
        foreach (var (ended, forms) in new[] { (piped, "[\"mbox\"]"), (unpacked, "[\"gzip\", \"mbox\"]") })
        {
            Assert.That(ended.Code, Is.Zero, ended.Error);
            var lines = ended.Output.TrimEnd('\n').Split('\n');
            Assert.That(lines, Has.Length.EqualTo(3000));
            Assert.That(lines[^1], Does.Contain("\"message\": 3000").And.Contain($"\"read_as\": {forms}"));
        }
    }

    [Test]
    public void A_file_that_ends_within_gzip_is_told_of()
    {
        var whole = new MemoryStream();
        using (var packed = new GZipStream(whole, CompressionLevel.Fastest, leaveOpen: true))
        {
            packed.Write(Encoding.Latin1.GetBytes(string.Concat(Enumerable.Range(0, 5000).Select(i => Message + i))));
        }

        File.WriteAllBytes(scratch.At("cut.gz"), whole.ToArray()[..(int)(whole.Length / 2)]);
        var ended = Dkim("", "verify", "cut.gz");
        const string Told = "dkim: cut.gz: note: it was compressed with gzip\ndkim: cut.gz: what gzip made is damaged or cut off\n";
        Assert.That((ended.Code, ended.Error), Is.EqualTo((65, Told)));
    }

    [Test]
    public async Task A_mailbox_that_grows_is_read_up_to_where_it_ended()
    {
        var one = Encoding.Latin1.GetBytes(Separator + Message + "\n");
        var path = scratch.At("box");
        await File.WriteAllBytesAsync(path, one);
        using var stop = new CancellationTokenSource();
        var growing = Task.Run(() =>
        {
            using var file = new FileStream(path, FileMode.Append, FileAccess.Write, FileShare.ReadWrite);
            for (var i = 0; i < 200_000 && !stop.IsCancellationRequested; i++)
            {
                file.Write(one);
                file.Flush();
            }
        });
        var ended = Dkim("", "verify", "--json", "box");
        await stop.CancelAsync();
        await growing;
        Assert.That(ended.Code, Is.Zero, ended.Error);
        Assert.That(ended.Output, Does.Contain("\"message\": 1,"));
    }

    [Test]
    public void A_folder_is_read_without_pipes_circles_and_what_a_maildir_has_not_delivered()
    {
        foreach (var folder in (string[])["cur", "new", "tmp", ".Sent/cur", ".Sent/new", ".Sent/tmp"])
        {
            Directory.CreateDirectory(scratch.At("Maildir/" + folder));
        }

        foreach (var file in (string[])["cur/1:2,S", "new/2", "tmp/3", ".Sent/cur/4:2,S", "dovecot-uidlist"])
        {
            File.WriteAllText(scratch.At("Maildir/" + file), Message);
        }

        Tools.Run(scratch.Root, "/usr/bin/mkfifo", scratch.At("Maildir/new/pipe"));
        File.CreateSymbolicLink(scratch.At("Maildir/new/again"), scratch.At("Maildir"));
        var ended = Dkim("", "verify", "--json", "Maildir/");
        var files = ended.Output.TrimEnd('\n').Split('\n')
            .Select(line => JsonDocument.Parse(line).RootElement.GetProperty("file").GetString());
        Assert.That(files, Is.EqualTo(new[] { "Maildir/.Sent/cur/4:2,S", "Maildir/cur/1:2,S", "Maildir/new/2" }));
        Assert.That(ended.Error, Does.Contain("1 files in tmp"));
    }

    [Test]
    public void What_may_not_be_read_is_told_of()
    {
        if (Environment.IsPrivilegedProcess)
        {
            // Root may read everything: another user tries it.
            scratch.Open();
        }

        Directory.CreateDirectory(scratch.At("mail/closed"));
        File.WriteAllText(scratch.At("mail/one"), Message);
        File.WriteAllText(scratch.At("mail/two"), Message);
        File.SetUnixFileMode(scratch.At("mail/one"), UnixFileMode.None);
        File.SetUnixFileMode(scratch.At("mail/closed"), UnixFileMode.None);
        ToolRun.Link(scratch, "dkim");
        var ended = Environment.IsPrivilegedProcess
            ? ToolRun.Start(scratch, "/usr/bin/setpriv", "", "--reuid=65534", "--regid=65534", "--clear-groups", "./dkim", "verify", "mail")
            : Dkim("", "verify", "mail");
        Assert.That(ended.Code, Is.EqualTo(65), ended.Error);
        Assert.That(ended.Error, Does.Contain("mail/closed: the folder cannot be read: permission denied")
            .And.Contain("dkim: mail/one: permission denied"));
        Assert.That(ended.Output, Does.Contain("mail/two: no signatures: the header has 3 fields"));
    }

    private static string Signed(string domain) =>
        $"DKIM-Signature: v=1; a=rsa-sha256; c=simple/simple; d={domain}; s=s; h=from;\r\n"
        + $"\tbh={Convert.ToBase64String(new byte[32])}; b={Convert.ToBase64String(new byte[256])}\r\n" + Message;

    private ToolRun.Ended Dkim(string input, params string[] arguments) =>
        ToolRun.Run(scratch, "dkim", input, arguments);

    /// <summary>A name server that hears everything and says nothing.</summary>
    private sealed class DeadServer : IDisposable
    {
        private readonly UdpClient socket = new(new IPEndPoint(IPAddress.Loopback, 0));
        private readonly HashSet<string> names = [];
        private readonly Task hearing;

        public DeadServer() => hearing = Task.Run(HearAsync);

        public string Name => $"127.0.0.1@{((IPEndPoint)socket.Client.LocalEndPoint!).Port}";

        /// <summary>How many names were asked for so far.</summary>
        public int Names()
        {
            lock (names)
            {
                return names.Count;
            }
        }

        public void Dispose()
        {
            socket.Dispose();
            hearing.Wait();
        }

        private async Task HearAsync()
        {
            try
            {
                for (; ; )
                {
                    var heard = await socket.ReceiveAsync();
                    lock (names)
                    {
                        // Behind the header of 12 octets the name ends at the octet 0.
                        var question = heard.Buffer.AsSpan(12);
                        names.Add(Encoding.Latin1.GetString(question[..question.IndexOf((byte)0)]).ToLowerInvariant());
                    }
                }
            }
            catch (Exception closed) when (closed is ObjectDisposedException or SocketException)
            {
                // The test has ended.
            }
        }
    }
}
