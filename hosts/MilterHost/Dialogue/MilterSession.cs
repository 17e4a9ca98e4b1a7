using System.Buffers;
using Dkim.Core.Canonicalization;
using Dkim.Core.Asking;
using Dkim.Core.Message;
using Dkim.Core.Programs.Filters.Milter;
using Dkim.Core.Programs.Running;
using Dkim.Core.Programs.Settings;
using Microsoft.FSharp.Collections;

namespace Dkim.MilterHost.Dialogue;

/// <summary>
/// The dialogue with an MTA over one connection, without the connection: octets in, octets out. Whatever breaks the
/// protocol ends the dialogue and nothing else; a failure of ours costs the message, which the MTA is told to try
/// again, and never lets it pass.
/// </summary>
internal sealed partial class MilterSession(IMilterService service, IBufferWriter<byte> output) : IDisposable
{
    private const string NoRoom = "no memory is left for unfinished mail";
    private readonly MilterMacros macros = new();
    private readonly Holding holding = new(service.Holdings);
    private Negotiation agreed = new(0, Actions.None, Steps.None);
    private MilterClient? client;
    private MessageInHand? message;
    private Stage stage;
    private long macrosHeld;
    private long fieldsHeld;
    private bool ignored;
    private bool stopping;

    /// <summary>Nothing more is said or heard.</summary>
    public bool Closed { get; private set; }

    /// <summary>A message cannot go on before its needs are found; nothing is heard before <see cref="Go"/>.</summary>
    public bool Waiting => message is { Waiting: true };

    /// <summary>A message has ended, or was given up; what comes after it is heard by the next <see cref="Receive"/>,
    /// so that a peer that sends many in one go can be made to wait for others.</summary>
    public bool Paused { get; private set; }

    /// <summary>Counts messages, so that what was found for one is not taken for another's.</summary>
    public int MessageNumber { get; private set; }

    private bool InMessage => stage >= Stage.Envelope;

    /// <summary>What to find out for the message now, each step once; else nothing. It is wanted when the session is
    /// <see cref="Waiting"/>.</summary>
    public FSharpList<Need> TakeNeeds() => message?.TakeNeeds() ?? FSharpList<Need>.Empty;

    /// <summary>What was found of the needs taken last, for a session that is <see cref="Waiting"/>. What is missing
    /// counts as unavailable.</summary>
    public void Go(Found found)
    {
        message!.Go(found);
        if (message.Complete)
            SayWhenKnown();
        else
            ReplyWhenKnown(Command.EndOfHeader);
    }

    /// <summary>Tells the MTA of a session that is <see cref="Waiting"/> that it is not forgotten, where MTAs take
    /// that: at the end of a message.</summary>
    public void Progress()
    {
        if (message is { Complete: true })
            Packet.Write(output, Reply.Progress);
    }

    /// <summary>Ends the dialogue once no message is on its way. An MTA that has connected for its first has to refuse
    /// it if nobody is there, so that this one may still come.</summary>
    public void Stop()
    {
        stopping = true;
        CloseIfLast();
    }

    /// <summary>The dialogue ends after its first message, which has not begun yet.</summary>
    public bool LastIsFirst => stopping && MessageNumber == 0;

    public void Dispose()
    {
        Closed = true;
        DropMessage();
        holding.Dispose();
    }

    private bool Hear(Command command, ReadOnlySpan<byte> data)
    {
        try
        {
            if (!Take(command, data))
                return Break($"a packet of the command {(char)command} cannot be read");
        }
        catch (Exception failure)
        {
            Fail(failure);
        }

        return !Closed && React(command);
    }

    // False when the packet is not what it should be.
    private bool Take(Command command, ReadOnlySpan<byte> data)
    {
        switch (command)
        {
            case Command.Negotiate:
                Negotiate(data);
                return true;
            case Command.Connect:
                return Connect(data);
            case Command.Macros:
                return Define(data);
            case Command.Mail:
                return Begin(data);
            case Command.Recipient:
                return Recipient(data);
            case Command.Field:
                return Field(data);
            case Command.EndOfHeader:
                stage = Stage.Body;
                message!.Plan();
                return true;
            case Command.EndOfBody:
                message!.Feed(data);
                return true;
            case Command.Helo or Command.Abort:
                EndMessage();
                return true;
            case Command.QuitForAnother:
                EndMessage();
                macros.Forget(MacroStage.Connect);
                stage = Stage.Negotiated;
                return true;
            case Command.Quit:
                Dispose();
                return true;
            default:
                return true;
        }
    }

    private void Negotiate(ReadOnlySpan<byte> offer)
    {
        if (Negotiation.Of(offer, service, out var problem) is not { } negotiation)
        {
            service.Log(LogLineModule.plain(LogLevel.Error, $"the MTA cannot be served: {problem}"));
            Dispose();
            return;
        }

        agreed = negotiation;
        agreed.Write(output, service);
        stage = Stage.Negotiated;
    }

    private bool Connect(ReadOnlySpan<byte> data)
    {
        client = ClientAddress.Read(data);
        if (client is null)
            return false;
        ignored = service.Ignores(client);
        stage = Stage.Connected;
        return true;
    }

    private bool Define(ReadOnlySpan<byte> data)
    {
        if (data.Length is 0 or > MilterLimits.Macros)
            return false;
        if (Stages.MacrosOf((Command)data[0]) is { } belongTo)
            macros.Set(belongTo, data[1..]);
        HoldMacros();
        return true;
    }

    // They are in memory already; that there is no room is a reason to let go of whoever sends so many.
    private void HoldMacros()
    {
        if (!holding.TryReplace(ref macrosHeld, macros.Size))
            Break(NoRoom);
    }

    private bool Begin(ReadOnlySpan<byte> data)
    {
        var end = data.IndexOf((byte)0);
        if (end < 0)
            return false;

        // Its own macros came before the command.
        DropMessage();
        macros.Forget(MacroStage.Recipient);
        stage = Stage.Envelope;
        MessageNumber++;
        message = new MessageInHand(service, agreed, macros, output);
        if (ignored)
            message.Ignore();
        else
            message.Begin(client!, data[..end]);
        return true;
    }

    private bool Recipient(ReadOnlySpan<byte> data)
    {
        var end = data.IndexOf((byte)0);
        if (end >= 0)
            message!.Recipient(data[..end]);
        return end >= 0;
    }

    private bool Field(ReadOnlySpan<byte> data)
    {
        var end = data.IndexOf((byte)0);
        if (end < 0 || end == data.Length - 1 || data[^1] != 0)
            return false;
        stage = Stage.Header;
        var size = message!.WouldKeep(data.Length) ? MilterMemory.OfField(data.Length) : 0;
        if (!holding.TryAdd(size))
        {
            message.Fail(NoRoom);
            return true;
        }

        fieldsHeld += size;
        message.Field(data[..end], data[(end + 1)..^1]);
        return true;
    }

    private bool React(Command command)
    {
        switch (command)
        {
            case Command.Negotiate or Command.Macros or Command.Abort or Command.QuitForAnother:
                return true;
            case Command.EndOfBody:
                message!.Finish();
                SayWhenKnown();
                return true;
            case Command.Connect when ignored && !agreed.Agreed(Steps.SilentConnect):
                Packet.Write(output, Reply.Accept);
                return true;
            default:
                return ReplyWhenKnown(command);
        }
    }

    private bool ReplyWhenKnown(Command command) => Waiting || agreed.IsSilent(command) || Respond(command);

    // To a command that is not the last: the last word, where there is one already.
    private bool Respond(Command command)
    {
        if (message is { Final.IsEmpty: false })
            Say();
        else if (command == Command.Body && message!.Skip())
            Packet.Write(output, Reply.Skip);
        else
            Packet.Write(output, Reply.Continue);
        return !Closed;
    }

    private void SayWhenKnown()
    {
        if (!Waiting)
            Say();
    }

    private void Say()
    {
        output.Write(message!.Final.Span);
        EndMessage();
    }

    private void EndMessage()
    {
        DropMessage();
        macros.Forget(MacroStage.Mail);
        if (macrosHeld > 0)
            HoldMacros();
        stage = InMessage ? Stage.Connected : stage;
        CloseIfLast();
    }

    private void CloseIfLast() => Closed |= stopping && !InMessage && MessageNumber > 0;

    private void DropMessage()
    {
        Paused |= message is not null;
        message?.Dispose();
        message = null;
        holding.Remove(fieldsHeld);
        fieldsHeld = 0;
    }

    // Without a message there is nothing to be tried again, and the MTA has its own ways without a milter.
    private void Fail(Exception failure)
    {
        if (message is not null)
        {
            message.Fail(failure);
            return;
        }

        service.Log(MilterLog.Broken($"a connection ended by {failure.GetType().Name}: {failure.Message}"));
        Dispose();
    }

    private bool Break(string what)
    {
        service.Log(MilterLog.Broken($"the MTA broke the protocol: {what}"));
        Dispose();
        return false;
    }
}
