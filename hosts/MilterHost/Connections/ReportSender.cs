using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Threading.Channels;
using Dkim.Core.Programs.Running;
using Dkim.Core.Programs.Settings;
using Dkim.Core.Message;
using Dkim.Core.Signatures;
using Dkim.Core.Words;
using Dkim.Hosting;

namespace Dkim.MilterHost.Connections;

/// <summary>
/// Hands mails of our own to the local mail system, one after the other: by its sendmail command, or by SMTP to this host
/// where that command could not do its work, which it does by its set-group-ID or set-user-ID bit. They have no sender, so
/// that nothing comes back, and there are only so many of them: a flood of bad signatures must not become a flood of
/// reports.
/// </summary>
internal sealed class ReportSender : IAsyncDisposable
{
    private static readonly string[] places = ["/usr/sbin", "/usr/lib"];
    private readonly Channel<ReadOnlyMemory<byte>> queue = Channel.CreateBounded<ReadOnlyMemory<byte>>(
        new BoundedChannelOptions(ReportAllowanceModule.Waiting) { SingleReader = true });

    private readonly Action<string> report;
    private readonly ReportRoute route;
    private readonly TimeProvider clock;
    private readonly Task sending;
    private readonly Lock gate = new();
    private ReportAllowance allowance = ReportAllowanceModule.full;
    private long last;

    /// <param name="report">Takes a line for the log when a mail cannot be sent.</param>
    /// <param name="route">How they get there.</param>
    /// <param name="clock">What their rate goes by.</param>
    public ReportSender(Action<string> report, ReportRoute route, TimeProvider clock)
    {
        this.report = report;
        this.route = route;
        this.clock = clock;
        last = clock.GetTimestamp();
        sending = Task.Run(SendAllAsync);
    }

    /// <summary>How many mails may go out, at most so many; asking uses them up.</summary>
    public int Take(int most)
    {
        lock (gate)
        {
            (var taken, allowance) = ReportAllowanceModule.take(clock.GetElapsedTime(last), most, allowance);
            last = clock.GetTimestamp();
            return taken;
        }
    }

    /// <summary>Sends a complete message when its turn comes; does not wait.</summary>
    public void Send(ReadOnlyMemory<byte> message)
    {
        if (!queue.Writer.TryWrite(message))
            report("a report is not sent: too many wait");
    }

    /// <summary>Sends what waits, for a few seconds.</summary>
    public async ValueTask DisposeAsync()
    {
        queue.Writer.TryComplete();
        await Task.WhenAny(sending, Task.Delay(ReportAllowanceModule.parting, clock)).ConfigureAwait(false);
    }

    private async Task SendAllAsync()
    {
        await foreach (var message in queue.Reader.ReadAllAsync().ConfigureAwait(false))
        {
            try
            {
                await SendOneAsync(message).ConfigureAwait(false);
            }
            catch (SocketException failure)
            {
                report($"a report is not sent: no mail server at {route.Server}: {failure.Message}");
            }
            catch (OperationCanceledException)
            {
                report($"a report is not sent: the mail server at {route.Server} took too long");
            }
            catch (Exception failure)
            {
                report($"a report is not sent: {failure.GetType().Name}: {failure.Message}");
            }
        }
    }

    private Task SendOneAsync(ReadOnlyMemory<byte> message) =>
        (route.Command ?? (route.OnlySmtp ? null : FindCommand())) is { } command ? RunAsync(command, message) : SubmitAsync(message);

    private async Task SubmitAsync(ReadOnlyMemory<byte> message)
    {
        var turn = MailSubmission.Begin(route.HostName, message);
        using var limit = new CancellationTokenSource(ReportAllowanceModule.patience, clock);
        using var socket = new Socket(route.Server.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        if (!turn.IsOver)
            await socket.ConnectAsync(route.Server, limit.Token).ConfigureAwait(false);
        while (!turn.IsOver)
        {
            await SayAsync(socket, turn.Say, limit.Token).ConfigureAwait(false);
            turn = turn.Hear(await HearAsync(socket, limit.Token).ConfigureAwait(false));
        }

        if (turn.Problem.Length > 0)
            report($"a report is not sent: {turn.Problem}");
        if (socket.Connected)
            await SayAsync(socket, turn.Say, limit.Token).ConfigureAwait(false);
    }

    private static async Task SayAsync(Socket socket, ReadOnlyMemory<byte> octets, CancellationToken clock)
    {
        while (!octets.IsEmpty)
            octets = octets[await socket.SendAsync(octets, clock).ConfigureAwait(false)..];
    }

    // A whole reply; what has come of it when the connection ends, or when it is too long for one.
    private static async Task<string> HearAsync(Socket socket, CancellationToken clock)
    {
        var buffer = new byte[ReportAllowanceModule.LongestReply];
        var length = 0;
        while (length < buffer.Length)
        {
            var count = await socket.ReceiveAsync(buffer.AsMemory(length), clock).ConfigureAwait(false);
            length += count;
            var text = Encoding.Latin1.GetString(buffer, 0, length);
            if (count == 0 || MailSubmission.IsReply(text))
                return text;
        }

        return "";
    }

    private async Task RunAsync(string command, ReadOnlyMemory<byte> message)
    {
        using var process = new Process
        {
            StartInfo = new ProcessStartInfo(command, ["-t", "-oi", "-f", "<>"])
            {
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
            },
        };
        process.Start();
        using var limit = new CancellationTokenSource(ReportAllowanceModule.patience, clock);
        try
        {
            await process.StandardInput.BaseStream.WriteAsync(message, limit.Token).ConfigureAwait(false);
            process.StandardInput.Close();
            await process.WaitForExitAsync(limit.Token).ConfigureAwait(false);
            if (process.ExitCode != 0)
                report($"a report is not sent: {command} exited with status {process.ExitCode}");
        }
        catch (OperationCanceledException)
        {
            process.Kill();
            report($"a report is not sent: {command} took too long");
        }
    }

    private static string? FindCommand() =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries)
            .Concat(places)
            .Where(Path.IsPathRooted)
            .Select(directory => Path.Combine(directory, "sendmail"))
            .FirstOrDefault(File.Exists);
}

/// <summary>How a report gets to the local mail system.</summary>
/// <param name="Command">A command that the settings name; null for the sendmail command that is found.</param>
/// <param name="OnlySmtp">The sendmail command cannot do its work here.</param>
/// <param name="Server">The mail server of this host.</param>
/// <param name="HostName">Our name to it.</param>
internal sealed record ReportRoute(string? Command, bool OnlySmtp, IPEndPoint Server, string HostName)
{
    private const int SmtpPort = 25;

    /// <summary>The way that is open to this process.</summary>
    public static ReportRoute Find(string? command) =>
        new(command, OwnProcess.HasNoNewPrivileges, new IPEndPoint(IPAddress.Loopback, SmtpPort), Hosting.Names.HostName.Find());
}
