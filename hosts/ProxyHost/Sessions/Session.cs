using System.Buffers;
using System.Net.Sockets;
using System.Text;
using Dkim.Core.Dns;
using Dkim.Core.Programs.Proxies.Shared;
using Dkim.Core.Programs.Proxies.Smtp;
using Dkim.Core.Programs.Settings;
using Dkim.Core.Signatures;
using Dkim.Core.Words;
using Dkim.Hosting;
using Dkim.ProxyHost.Dialogue;

namespace Dkim.ProxyHost.Sessions;

/// <summary>One client connection and the relay connection that belongs to it: moves octets between sockets, dialogue
/// and message, and watches the clock. Everything of one turn leaves in one write, and nothing is read for which there
/// is no room.</summary>
internal sealed class Session : IDialogueSink, IConnection
{
    private const string ShuttingDown = "4.3.2 Service is shutting down";
    private readonly Relaying relaying;
    private readonly Wake wake = new();
    private readonly CancellationTokenSource hurry;
    private readonly Leg client;
    private readonly string address;
    private Leg? relay;
    private SmtpDialogue? dialogue;
    private MessageInHand? message;
    private bool clientEnded;
    private bool moved;
    private long messageBegan;
    private long messageOctets;
    private (Phase, bool) watched;
    private long deadline = long.MaxValue;

    public Session(StreamSocket socket, Relaying relaying)
    {
        this.relaying = relaying;
        // Its limit is that of the connection to the relay, once that is waited for.
        hurry = new CancellationTokenSource(Timeout.InfiniteTimeSpan, relaying.Patience.Clock);
        client = new Leg(socket, wake, Events.ClientMayReceive, Events.ClientMaySend);
        address = Address(socket);
    }

    /// <summary>Serves the connection to its end, which may be any; throws nothing that a peer can cause.</summary>
    public async Task ServeAsync()
    {
        if (await ConnectAsync().ConfigureAwait(false) is { } socket)
            await ConverseAsync(socket).ConfigureAwait(false);
        else
            client.Output.Write(Encoding.ASCII.GetBytes($"421 {SmtpDialogue.NextHopDown}\r\n"));
        await PartAsync().ConfigureAwait(false);
    }

    /// <summary>Closes both connections.</summary>
    public void Dispose()
    {
        client.Dispose();
        relay?.Dispose();
        message?.Dispose();
        hurry.Dispose();
    }

    public void Tick(long now)
    {
        if (now > Volatile.Read(ref deadline))
            wake.Post(Events.Late);
    }

    public void Stop(bool now)
    {
        wake.Post(now ? Events.Abort : Events.Stop);
        try
        {
            if (now)
                hurry.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // It has just ended by itself.
        }
    }

    void IDialogueSink.Command(ReadOnlySpan<byte> line) => relaying.Trace?.Invoke(Encoding.Latin1.GetString(line));

    void IDialogueSink.Begin()
    {
        DropMessage();
        message = new MessageInHand(relaying.Spool, relaying.Filter(Conversation), relaying.MaxMessage);
        messageBegan = relaying.Patience.Clock.Milliseconds();
        messageOctets = 0;
    }

    void IDialogueSink.Text(ReadOnlySpan<byte> octets) => message!.Append(octets);

    void IDialogueSink.Spoilt(ReadOnlySpan<byte> octets) => message!.AppendSpoilt(octets);

    void IDialogueSink.Happened(SessionEvent what) => Tell(what);

    /// <summary>The address of a client, as logs have it.</summary>
    public static string Address(StreamSocket socket) =>
        socket.Peer?.Address is { } peer ? (peer.IsIPv4MappedToIPv6 ? peer.MapToIPv4() : peer).ToString() : "";

    private Conversation Conversation => new(address, dialogue?.Transaction ?? TransactionModule.Start);

    private void Tell(SessionEvent what) =>
        relaying.Log(SessionLog.Told(what, Conversation, message is null ? [] : message.Beginning()));

    private async ValueTask<StreamSocket?> ConnectAsync()
    {
        try
        {
            var connecting = relaying.ConnectAsync(hurry.Token);
            if (connecting.IsCompleted)
                return await connecting.ConfigureAwait(false);
#pragma warning disable RS0030 // By the clock that it was made with.
            hurry.CancelAfter(relaying.Patience.Connect);
            var socket = await connecting.ConfigureAwait(false);
            hurry.CancelAfter(Timeout.InfiniteTimeSpan);
#pragma warning restore RS0030
            return socket;
        }
        catch (Exception failure) when (failure is IOException or SocketException or OperationCanceledException)
        {
            Tell(SessionEvent.NewNoRelay(421, SmtpDialogue.NextHopDown, failure.Message));
            return null;
        }
    }

    private async Task ConverseAsync(StreamSocket socket)
    {
        relay = new Leg(socket, wake, Events.OnwardMayReceive, Events.OnwardMaySend);
        dialogue = new SmtpDialogue(relaying.Limits, client.Output, relay.Output, this);
        while (await AdvanceAsync().ConfigureAwait(false))
        {
            if (!Receive())
                Note(await wake.NextAsync().ConfigureAwait(false));
        }
    }

    // What the client sends before its turn stays where it is.
    private bool Receive() => relay!.Receive() | (dialogue!.WantsClient && client.Receive());

    // Uses all that has come, up to the point where only waiting helps; false at the end of the conversation.
    private async ValueTask<bool> AdvanceAsync()
    {
        do
        {
            Exchange();
            if (dialogue!.Phase == Phase.Deciding)
                await DecideAsync().ConfigureAwait(false);
            if (dialogue.Phase == Phase.Delivering && !relay!.Broken)
                await DeliverAsync().ConfigureAwait(false);
        }
        while (dialogue.WantsClient && !client.Input.IsEmpty);

        if (dialogue.RelayUseless)
            relay!.Close();
        if (dialogue.Phase is not (Phase.Message or Phase.Delivering))
            DropMessage();
        Watch();
        await FlushAsync().ConfigureAwait(false);
        return dialogue.Phase != Phase.Closed;
    }

    private void Exchange()
    {
        moved |= !relay!.Input.IsEmpty;
        dialogue!.FromRelay(relay.Input);
        relay.Discard();
        if (relay.Ended)
            dialogue.RelayLost("Next hop closed the connection");
        var taken = dialogue.FromClient(client.Input);
        moved |= taken > 0 && dialogue.Phase == Phase.Message;
        messageOctets += taken;
        client.Use(taken);
        if (client.Ended && client.Input.IsEmpty && !clientEnded)
        {
            clientEnded = true;
            dialogue.ClientEnded();
        }
    }

    // A time limit runs for one turn: the relay's reply, the client's command, a piece of the client's message.
    private void Watch()
    {
        var turn = (dialogue!.Phase, dialogue.AwaitsRelay);
        if (moved || turn != watched)
            Rewind(PatienceNow);
        watched = turn;
        moved = false;
    }

    private TimeSpan PatienceNow => dialogue switch
    {
        null => relaying.Patience.Connect,
        { Phase: Phase.Parting } => relaying.Patience.Parting,
        { AwaitsRelay: true } => relaying.Patience.Relay,
        _ => relaying.Patience.Client,
    };

    private void Rewind(TimeSpan patience)
    {
        var limit = relaying.Patience.Clock.Milliseconds() + (long)patience.TotalMilliseconds;
        if (dialogue is { Phase: Phase.Message })
            limit = Math.Min(limit, SlowFrom);
        Volatile.Write(ref deadline, limit);
    }

    // When the client will be too slow, should it send no more of its message.
    private long SlowFrom
    {
        get
        {
            var allowed = DataPaceModule.Allows(relaying.Patience.Pace, messageOctets);
            return allowed < long.MaxValue - messageBegan ? messageBegan + allowed : long.MaxValue;
        }
    }

    private async ValueTask DecideAsync()
    {
        Volatile.Write(ref deadline, long.MaxValue); // the lookups have their own
        if (await message!.DecideAsync(hurry.Token).ConfigureAwait(false) is ProxyDisposition.Refuse refusal)
            Refuse(refusal);
        else
            dialogue!.Deliver();
        if (dialogue!.LongestLine > SmtpLimits.SafeLine)
        {
            var text = $"a message has a line of {dialogue.LongestLine} octets; more than {SmtpLimits.SafeLine}"
                + " may be broken on its way, and its signature with it (RFC 5321 section 4.5.3.1.6)";
            relaying.Log(SessionLog.About(text, Conversation, message.Beginning()));
        }
    }

    // What the core refuses it has told itself.
    private void Refuse(ProxyDisposition.Refuse refusal)
    {
        if (message!.Failure is { } failure)
            Tell(SessionEvent.NewFailed(refusal.code, refusal.text, failure));
        else if (message.IsTooLarge)
            Tell(SessionEvent.NewMessageRefused(refusal.code, refusal.text));
        dialogue!.Refuse(refusal.code, refusal.text);
    }

    private async ValueTask DeliverAsync()
    {
        for (var more = true; more && dialogue!.Phase == Phase.Delivering && !relay!.Broken;)
        {
            more = message!.WriteNext(relay.Output);
            Rewind(relaying.Patience.Relay);
            if (!more)
            {
                dialogue.Delivered();
                break;
            }

            await FlushAsync().ConfigureAwait(false);
            if (relay.Receive() || !relay.Input.IsEmpty || relay.Ended)
                Exchange();
        }
    }

    private void DropMessage()
    {
        message?.Dispose();
        message = null;
    }

    private async ValueTask FlushAsync()
    {
        client.StartSending();
        relay?.StartSending();
        if (!client.Sending && relay is not { Sending: true })
            return;
        while (client.Sending || relay is { Sending: true })
        {
            Rewind(client.Sending ? relaying.Patience.Client : relaying.Patience.Relay);
            Note(await wake.NextAsync().ConfigureAwait(false));
        }

        Rewind(PatienceNow);
    }

    private void Note(Events happened)
    {
        if ((happened & Events.ClientMayReceive) != 0)
            client.MayReceive();
        if ((happened & Events.ClientMaySend) != 0)
            client.ContinueSending();
        if ((happened & Events.OnwardMayReceive) != 0)
            relay!.MayReceive();
        if ((happened & Events.OnwardMaySend) != 0)
            relay!.ContinueSending();
        if ((happened & Events.Late) != 0 && relaying.Patience.Clock.Milliseconds() > deadline)
            EndWaiting();
        if ((happened & Events.Stop) != 0)
            dialogue?.Stop(ShuttingDown);
        if ((happened & Events.Abort) != 0)
            EndNow();
    }

    private void EndNow()
    {
        dialogue?.Abort(ShuttingDown);
        if (client.Sending)
            client.Close();
        if (relay is { Sending: true })
            relay.Close();
    }

    private void EndWaiting()
    {
        deadline = long.MaxValue;
        if (client.Sending || dialogue is null or { Phase: Phase.Closed })
        {
            client.Close();
            dialogue?.Abort("4.4.2 Replies are not taken in time");
        }
        else if (relay!.Sending || dialogue.AwaitsRelay)
        {
            relay.Close();
            dialogue.RelayLost("Next hop does not answer in time");
        }
        else if (dialogue.Phase == Phase.Message && relaying.Patience.Clock.Milliseconds() >= SlowFrom)
        {
            dialogue.Abort("4.4.2 Message comes too slowly");
        }
        else
        {
            dialogue.Abort("4.4.2 Idle for too long");
        }
    }

    // A connection closed with unread octets in it is reset, and the client may never read our last words.
    private async ValueTask PartAsync()
    {
        await FlushAsync().ConfigureAwait(false);
        if (dialogue is { Refused: > 1 })
            relaying.Log(SessionLog.About($"{dialogue.Refused} commands refused in one connection", Conversation, []));
        if (dialogue is { SaidGoodbye: true })
            return;
        client.Finish();
        Rewind(SmtpLimits.lingering);
        while (!client.Ended)
        {
            client.Discard();
            if (!client.Receive())
                Note(await wake.NextAsync().ConfigureAwait(false));
        }
    }
}
