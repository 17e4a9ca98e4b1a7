using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Dkim.Tests.Hosts.Proxy;

/// <summary>A <see cref="ScriptedRelay"/> at a port of its own. A connection can be made to die or fall silent at a
/// point that a test chooses.</summary>
internal sealed class TcpRelay(Func<ScriptedRelay>? script = null, IPEndPoint? place = null) : TcpRelay<ScriptedRelay>(
    script ?? (() => new ScriptedRelay()), place)
{
    /// <summary>All messages accepted so far.</summary>
    public IReadOnlyList<string> Messages => [.. Sessions.SelectMany(session => session.Messages)];
}

/// <summary>The same with any script.</summary>
internal class TcpRelay<TScript> : IDisposable
    where TScript : IRelayScript
{
    private readonly TcpListener listener;
    private readonly Func<TScript> script;
    private readonly List<TScript> sessions = [];

    // What waits for it is not collected, as what waits for nothing would be, and its connection closed with it.
    private readonly TaskCompletionSource over = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <param name="place">Where it listens; without one, at a free port of the loopback.</param>
    public TcpRelay(Func<TScript> script, IPEndPoint? place = null)
    {
        this.script = script;
        listener = new TcpListener(place ?? new IPEndPoint(IPAddress.Loopback, 0));
        listener.Start();
        _ = AcceptAsync();
    }

    public int Port => ((IPEndPoint)listener.LocalEndpoint).Port;

    /// <summary>After how many octets from the proxy the connection is closed; -1 for never.</summary>
    public int DiesAfter { get; init; } = -1;

    /// <summary>After how many octets from the proxy nothing more is read or answered.</summary>
    public int SilentAfter { get; init; } = int.MaxValue;

    /// <summary>Greet clients.</summary>
    public bool Greets { get; init; } = true;

    public IReadOnlyList<TScript> Sessions
    {
        get
        {
            lock (sessions)
                return [.. sessions];
        }
    }

    public void Dispose()
    {
        over.TrySetResult();
        listener.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
                _ = ServeAsync(await listener.AcceptSocketAsync());
        }
        catch (Exception failure) when (failure is SocketException or ObjectDisposedException)
        {
            // The listener is closed.
        }
    }

    private async Task ServeAsync(Socket socket)
    {
        var session = script();
        lock (sessions)
            sessions.Add(session);
        try
        {
            using (socket)
            {
                if (DiesAfter == 0)
                    return;
                if (Greets)
                    await socket.SendAsync(Encoding.Latin1.GetBytes(ScriptedRelay.Greeting));
                await AnswerAsync(socket, session);
            }
        }
        catch (SocketException)
        {
            // The proxy has closed the connection.
        }
        finally
        {
            session.Ended = true;
        }
    }

    private async Task AnswerAsync(Socket socket, TScript session)
    {
        var buffer = new byte[65536];
        var total = 0;
        while (true)
        {
            if (total >= SilentAfter)
            {
                await over.Task;
                return;
            }

            var room = DiesAfter < 0 ? buffer.Length : Math.Min(buffer.Length, DiesAfter - total);
            var count = room == 0 ? 0 : await socket.ReceiveAsync(buffer.AsMemory(0, room));
            if (count == 0)
                return;
            total += count;
            var answers = session.Take(Encoding.Latin1.GetString(buffer, 0, count));
            if (answers.Length > 0 && total < SilentAfter)
                await socket.SendAsync(Encoding.Latin1.GetBytes(answers));
            if (answers.StartsWith("221", StringComparison.Ordinal))
                return;
        }
    }
}
