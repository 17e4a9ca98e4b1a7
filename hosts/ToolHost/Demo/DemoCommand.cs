using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;
using Dkim.Core.Cryptography;
using Dkim.Core.Programs.Qmail;
using Dkim.Core.Programs.Running;
using Dkim.Core.Programs.Settings;
using Dkim.Core.Signatures;
using Dkim.Core.Words;
using Dkim.Hosting;

namespace Dkim.ToolHost.Demo;

/// <summary>
/// Shows the whole thing at work without configuration, network or root: a signing proxy in front of a verifying proxy in
/// front of a mailbox, all on loopback, with a key made for the occasion. Nothing is left behind.
/// </summary>
internal sealed class DemoCommand : IAsyncDisposable
{
    private const string Domain = "example.com";
    private const string Selector = "demo";
    private static readonly string[] Samples = ["plain", "multipart", "long"];

    private readonly string folder = Directory.CreateTempSubdirectory("dkim-demo-").FullName;
    private readonly Screen screen = new(
        new StreamWriter(StandardStreams.OpenOutput()) { AutoFlush = true }, StandardStreams.HasColour);
    private readonly List<DemoProcess> processes = [];
    private readonly Mailbox mailbox;
    private int outPort;
    private int inPort;

    private DemoCommand() => mailbox = new Mailbox(Path.Combine(folder, "Maildir"));

    private string KeyFile => Path.Combine(folder, "private.key");

    private string RecordFile => Path.Combine(folder, "keys.txt");

    /// <summary>Runs the demonstration; with <paramref name="stay"/> keeps the proxies up until it is interrupted.</summary>
    public static async Task<int> RunAsync(bool stay)
    {
        using var stop = new CancellationTokenSource();
        void Interrupt(PosixSignalContext context)
        {
            context.Cancel = true;
            stop.Cancel();
        }

        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Interrupt);
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Interrupt);
        await using var demo = new DemoCommand();
        try
        {
            await demo.StartAsync(stop.Token);
            var good = await demo.ShowAsync(stop.Token);
            if (stay)
            {
                await demo.StayAsync(stop.Token);
            }

            return good ? 0 : 1;
        }
        catch (OperationCanceledException)
        {
            return stay ? 0 : 130;
        }
        catch (DemoException problem)
        {
            StandardStreams.ComplainLine("dkim demo: " + problem.Message);
            return 1;
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var process in processes)
        {
            await process.DisposeAsync();
        }

        mailbox.Dispose();
        Directory.Delete(folder, recursive: true);
    }

    private async Task StartAsync(CancellationToken stop)
    {
        screen.Step("Making an RSA key of 2048 bits and its record");
        var (key, pem) = SigningKeyModule.generateRsa(2048);
        await File.WriteAllTextAsync(KeyFile, "", stop);
        File.SetUnixFileMode(KeyFile, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        await File.WriteAllTextAsync(KeyFile, pem + "\n", stop);
        var record = $"{Selector}._domainkey.{Domain} v=DKIM1; k=rsa; p={Convert.ToBase64String(key.KeyData)}\n";
        await File.WriteAllTextAsync(RecordFile, record, stop);

        (outPort, inPort) = FreePorts();
        var loopback = IPAddress.Loopback.ToString();
        screen.Step($"Starting dkimproxy.out on {loopback}:{outPort}, in front of dkimproxy.in on {loopback}:{inPort},");
        screen.Step($"in front of a mailbox on {loopback}:{mailbox.Port}");
        Start("dkimproxy.in", inPort, mailbox.Port, "--hostname=mx.example.net", "--test-keys=" + RecordFile);
        Start("dkimproxy.out", outPort, inPort, "--keyfile=" + KeyFile, "--selector=" + Selector, "--domain=" + Domain);
        foreach (var process in processes)
        {
            await process.ReadyAsync(stop);
        }
    }

    private void Start(string name, int listen, int relay, params string[] options)
    {
        string[] ends = [$"{IPAddress.Loopback}:{listen}", $"{IPAddress.Loopback}:{relay}"];
        processes.Add(DemoProcess.Start(name, listen, [.. options, .. ends]));
    }

    private async Task<bool> ShowAsync(CancellationToken stop)
    {
        var good = true;
        Delivered? first = null;
        foreach (var sample in Samples)
        {
            var delivered = await PassAsync(sample, outPort, SampleMessage(sample), stop);
            good &= delivered.Whole && delivered.AddedText.Contains("dkim=pass", StringComparison.Ordinal);
            first ??= delivered;
        }

        var tampered = Tamper(first!.Message.Span);
        var refused = await PassAsync("plain, with a footer added on the way", inPort, tampered, stop);
        good &= refused.AddedText.Contains("dkim=fail", StringComparison.Ordinal);

        screen.Title("Why it failed (dkim explain)");
        screen.Text(await DemoProcess.ExplainAsync(RecordFile, tampered, stop));
        screen.Verdict(good, good ? "signed and verified; the change was found" : "NOT as expected");
        return good;
    }

    private async Task<Delivered> PassAsync(string title, int port, byte[] message, CancellationToken stop)
    {
        screen.Title("Message: " + title);
        var start = TimeProvider.System.GetTimestamp();
        await MailSender.SendAsync(port, message, stop);
        var received = await mailbox.ReceiveAsync(stop);
        var took = TimeProvider.System.GetElapsedTime(start).TotalMilliseconds;
        var delivered = Delivered.Create(received, message);
        screen.Text(delivered.AddedText);
        screen.Step(string.Create(
            CultureInfo.InvariantCulture,
            $"{message.Length:N0} octets sent, delivered in {took:F0} ms"));
        return delivered;
    }

    private async Task StayAsync(CancellationToken stop)
    {
        screen.Title("The proxies stay up; end them with Ctrl-C");
        screen.Text($"""
            sign and verify:  swaks --server 127.0.0.1:{outPort} --from you@{Domain} --to someone@example.net
            verify only:      swaks --server 127.0.0.1:{inPort} --to someone@example.net --data FILE
            mail arrives in:  {mailbox.Folder}/new
            """);
        await mailbox.DrainAsync(stop);
    }

    private static byte[] SampleMessage(string name)
    {
        using var stream = typeof(DemoCommand).Assembly.GetManifestResourceStream(name + ".eml")
            ?? throw new DemoException("sample " + name + " is missing from the program");
        using var octets = new MemoryStream();
        stream.CopyTo(octets);
        // The long one is long in the body only; the program need not carry it.
        for (var line = 0; name == "long" && line < 20_000; line++)
        {
            octets.Write(Encoding.ASCII.GetBytes(
                $"Line {line} of a report that nobody reads to its end, with  blanks\tin it.  \r\n"));
        }

        return octets.ToArray();
    }

    // What many mailing lists do.
    private static byte[] Tamper(ReadOnlySpan<byte> message) =>
        [.. message, .. "-- \r\nThis list adds a footer to every message.\r\n"u8];

    private static (int First, int Second) FreePorts()
    {
        using var first = new TcpListener(IPAddress.Loopback, 0);
        using var second = new TcpListener(IPAddress.Loopback, 0);
        first.Start();
        second.Start();
        return (((IPEndPoint)first.LocalEndpoint).Port, ((IPEndPoint)second.LocalEndpoint).Port);
    }
}
