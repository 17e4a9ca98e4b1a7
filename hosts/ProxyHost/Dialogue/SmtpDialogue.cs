using System.Buffers;
using System.Text;
using Dkim.Core.Canonicalization;
using Dkim.Core.Dns;
using Dkim.Core.Programs.Proxies.Shared;
using Dkim.Core.Programs.Proxies.Smtp;
using Dkim.Core.Programs.Settings;
using Dkim.Core.Words;

namespace Dkim.ProxyHost.Dialogue;

/// <summary>
/// One SMTP or LMTP conversation passing through (RFC 5321, RFC 2033): octets of the client and of the relay in; octets for the client,
/// for the relay, and message text out. It waits for nothing and knows no socket. Commands go on as the client sent
/// them, replies come back as the relay sent them, in order. The relay is given a message only after a decision, and a
/// positive answer to a message is always the relay's own.
/// </summary>
internal sealed class SmtpDialogue(
    DialogueLimits limits, IBufferWriter<byte> toClient, IBufferWriter<byte> toRelay, IDialogueSink sink)
{
    private enum Kind
    {
        Greeting,
        Reply,
        Ehlo,
        Auth,
        Data,
        Quit,
        Final,
        Ours,
    }

    /// <summary>The text of a 421 where the relay could not be had at all: the words that administrators search
    /// for.</summary>
    public const string NextHopDown = "Internal error (Next hop is down)";

    private readonly CommandReader commands = new(limits.CommandLine);
    private readonly MessageReader message = new(limits.BareNewlines);
    private readonly ReplyReader reply = new(limits.Reply);
    private readonly Queue<(Kind Kind, byte[] Octets)> pending = new([(Kind.Greeting, [])]); // the command, or our reply
    private bool pipelining; // the relay said that it takes commands before it answered the last
    private bool lastInGroup; // nothing may follow before the replies are in
    private bool challenged; // the client's next line answers a 334 (RFC 4954 §4)
    private bool clientEnded;
    private string? stopping;
    private byte[]? parting; // what the client is told at the end of the message that the relay no longer wants

    public Phase Phase { get; private set; } = Phase.Greeting;

    /// <summary>Octets of the client can be used now; otherwise they have to wait where they are.</summary>
    public bool WantsClient => Phase switch
    {
        Phase.Message or Phase.Parting => true,
        Phase.Commands when stopping is null =>
            pending.Count == 0 || (!lastInGroup && pending.Count < limits.Pipelined),
        _ => false,
    };

    /// <summary>The relay is of no more use: its connection can only be closed.</summary>
    public bool RelayUseless => Phase is Phase.Parting or Phase.Closed || parting is not null;

    /// <summary>The relay owes a reply.</summary>
    public bool AwaitsRelay => !RelayUseless && pending.Count > 0;

    /// <summary>The client said QUIT and was answered: it expects nothing more.</summary>
    public bool SaidGoodbye { get; private set; }

    /// <summary>Who sends to whom, as far as the relay has agreed.</summary>
    public Transaction Transaction { get; private set; } = TransactionModule.Start;

    /// <summary>How many commands were answered here.</summary>
    public int Refused { get; private set; }

    /// <summary>Octets of the longest line of the last message.</summary>
    public long LongestLine => message.LongestLine;

    /// <summary>Takes octets from the client, as many as can be used now, and tells how many.</summary>
    public int FromClient(ReadOnlySpan<byte> octets)
    {
        var taken = 0;
        while (taken < octets.Length && WantsClient)
        {
            taken += Phase == Phase.Message ? TakeText(octets[taken..]) : TakeCommand(octets[taken..]);
        }

        return taken;
    }

    /// <summary>The client has sent its last octet, and all were taken that could be.</summary>
    public void ClientEnded()
    {
        clientEnded = true;
        Rest();
    }

    /// <summary>Takes octets from the relay.</summary>
    public void FromRelay(ReadOnlySpan<byte> octets)
    {
        while (!octets.IsEmpty && !RelayUseless)
        {
            octets = octets[reply.Read(octets)..];
            if (reply.Malformed)
                RelayLost("Next hop does not speak SMTP");
            else if (reply.Complete)
                TakeReply();
        }
    }

    /// <summary>The relay is gone or silent for too long. The client gets a 421, at the end of its message if it is in
    /// one.</summary>
    public void RelayLost(string why)
    {
        switch (Phase)
        {
            case Phase.Closed or Phase.Parting:
                break;
            case Phase.Message when parting is null:
                parting = OwnReply.Line(421, $"4.4.2 {why}");
                sink.Happened(SessionEvent.NewEnded(421, $"4.4.2 {why}"));
                break;
            case Phase.Message:
                break;
            case Phase.Greeting:
                Close(421, NextHopDown);
                break;
            default:
                Close(421, $"4.4.2 {why}");
                break;
        }
    }

    /// <summary>The message may go: the caller now sends it to the relay.</summary>
    public void Deliver()
    {
        if (Phase == Phase.Deciding)
            Phase = Phase.Delivering;
    }

    /// <summary>The message, the final dot included, was sent to the relay.</summary>
    public void Delivered()
    {
        if (Phase != Phase.Delivering)
            return;
        Phase = Phase.Final;
        for (var replies = Transaction.FinalReplies; replies > 0; replies--)
            pending.Enqueue((Kind.Final, []));
    }

    /// <summary>The message may not go. The relay waits for text after its 354 and can only be left (RFC 5321 §4.1.1.4
    /// knows no way back), so the client may say QUIT and nothing else.</summary>
    public void Refuse(int code, string text)
    {
        if (Phase == Phase.Deciding)
            Part(OwnReply.Line(code, text));
    }

    /// <summary>Ends the conversation with a 421 where it can be said, at once or after the message on its
    /// way.</summary>
    public void Stop(string why)
    {
        stopping ??= why;
        Rest();
    }

    /// <summary>Ends the conversation with a 421 wherever it stands.</summary>
    public void Abort(string why)
    {
        if (Phase != Phase.Closed)
            Close(421, why);
    }

    private int TakeCommand(ReadOnlySpan<byte> octets)
    {
        var taken = commands.Read(octets, out var line, out var unfit);
        if (line.IsEmpty)
            return taken;
        if (Phase == Phase.Parting)
            Leave(SmtpVerbs.Of(line));
        else if (challenged)
            Pass(unfit ? "*\r\n"u8 : line, Kind.Auth, keep: false); // "*" gives the exchange up; the answer is the relay's
        else if (unfit)
            Answer(500, "5.5.2 Line too long, or with octets that no command has", default);
        else
            TakeCommandLine(line);
        return taken;
    }

    private void TakeCommandLine(ReadOnlySpan<byte> line)
    {
        sink.Command(SmtpVerbs.WithoutSecrets(line[..^2]));
        switch (SmtpVerbs.Of(line))
        {
            case SmtpVerb.Withheld:
                Answer(502, "5.5.1 Command not implemented", line[..^2]);
                break;
            case SmtpVerb.Mail when SmtpExtensions.HasWithheldParameter(line):
                Answer(555, "5.5.4 Parameter of an extension that is not offered", line[..^2]);
                break;
            case SmtpVerb.Mail or SmtpVerb.Pipelined:
                Pass(line, Kind.Reply);
                lastInGroup = !pipelining;
                break;
            case SmtpVerb.Data:
                Pass(line, Kind.Data, keep: false);
                break;
            case SmtpVerb.Ehlo:
                Pass(line, Kind.Ehlo);
                break;
            case SmtpVerb.Auth:
                Pass(line, Kind.Auth, keep: false);
                break;
            case SmtpVerb.Quit:
                Pass(line, Kind.Quit, keep: false);
                break;
            default:
                Pass(line, Kind.Reply);
                break;
        }
    }

    // What the relay makes of a command is part of the transaction; what a client proves itself with is not kept.
    private void Pass(ReadOnlySpan<byte> line, Kind kind, bool keep = true)
    {
        toRelay.Write(line);
        pending.Enqueue((kind, keep ? line[..Math.Min(line.Length, SmtpLimits.KeptCommand)].ToArray() : []));
        lastInGroup = true;
    }

    private void Answer(int code, string text, ReadOnlySpan<byte> command)
    {
        if (pending.Count == 0)
            toClient.Write(OwnReply.Line(code, text));
        else
            pending.Enqueue((Kind.Ours, OwnReply.Line(code, text)));
        // One line in the log tells of it; a client can say many such things.
        if (++Refused == 1)
            sink.Happened(SessionEvent.NewCommandRefused(code, text, Encoding.Latin1.GetString(command)));
        if (Refused >= limits.Refused)
            Stop("4.7.0 Too many errors");
    }

    private int TakeText(ReadOnlySpan<byte> octets)
    {
        var taken = parting is null
            ? message.Read(octets, sink, out var ended)
            : message.Read(octets, NoSink.Instance, out ended);
        if (!ended)
            return taken;
        Phase = Phase.Deciding;
        if (parting is not null)
            Part(parting);
        else if (message.Broken)
            RefuseLineEnds();
        return taken;
    }

    private void RefuseLineEnds()
    {
        const string Why = "5.5.2 Message has a CR or LF that is not part of a line end CRLF";
        sink.Happened(SessionEvent.NewMessageRefused(550, Why));
        Refuse(550, Why);
    }

    private void TakeReply()
    {
        var code = reply.Code;
        if (Phase is Phase.Message or Phase.Deciding or Phase.Delivering)
            TakeEarlyReply(code);
        else if (pending.Count == 0 && code != 421)
            RelayLost("Next hop answered what nobody asked");
        else if (AsksForMore(code) && !MayAskForMore(pending.Peek().Kind, code))
            RelayLost("Next hop asks for a message that nobody announced");
        else if (AsksForMore(code) && pending.Peek().Kind == Kind.Data && Transaction.FinalReplies == 0)
            RelayLost("Next hop asks for a message to nobody");
        else
            TakeExpectedReply(code, pending.Count == 0 ? (Kind.Reply, []) : pending.Dequeue());
        reply.Start();
    }

    // A code that nobody knows means what its first digit says (RFC 5321 §4.2): what the client sends now is no command.
    private static bool AsksForMore(int code) => code is >= 300 and < 400;

    private static bool MayAskForMore(Kind kind, int code) => kind == Kind.Data || (kind == Kind.Auth && code != 354);

    // Before the final dot only a refusal makes sense: the relay has run out of time or space.
    private void TakeEarlyReply(int code)
    {
        if (code < 400)
            RelayLost("Next hop answered a message it has not been sent");
        else if (Phase == Phase.Message)
            parting ??= reply.Octets.ToArray();
        else
            Part(reply.Octets);
    }

    private void TakeExpectedReply(int code, (Kind Kind, byte[] Octets) expected)
    {
        var kind = expected.Kind;
        if (expected.Octets.Length > 0)
            Transaction = TransactionModule.After(expected.Octets, code, Transaction);
        if (kind == Kind.Ehlo && code is >= 200 and < 300)
            pipelining = EhloReply.Write(reply.Octets, toClient);
        else
            toClient.Write(reply.Octets);
        challenged = kind == Kind.Auth && AsksForMore(code);
        while (pending.TryPeek(out var next) && next.Kind == Kind.Ours)
            toClient.Write(pending.Dequeue().Octets);
        SaidGoodbye |= kind == Kind.Quit && code < 400;
        if (code == 421 || SaidGoodbye)
            Phase = Phase.Closed;
        else if (kind == Kind.Data && AsksForMore(code))
            Collect();
        else if (kind != Kind.Final)
            Resume(code);
        else if (pending.Count == 0)
            EndTransaction(code);
    }

    private void Collect()
    {
        Phase = Phase.Message;
        message.Start();
        sink.Begin();
    }

    // With LMTP the reply for the last recipient (RFC 2033 §4.2).
    private void EndTransaction(int code)
    {
        Transaction = TransactionModule.Ended(Transaction);
        Resume(code);
    }

    private void Resume(int code)
    {
        Phase = Phase.Commands;
        pipelining &= code != 220; // XCLIENT leads back to the greeting
        Rest();
    }

    // Where nothing is asked, sent or awaited a conversation can end without loss.
    private void Rest()
    {
        var idle = pending.Count == 0 && Phase is Phase.Commands or Phase.Parting;
        if (clientEnded && Phase == Phase.Message)
            sink.Happened(SessionEvent.Left);
        if (clientEnded && (idle || Phase is Phase.Message or Phase.Greeting))
            Phase = Phase.Closed;
        else if (stopping is not null && (idle || Phase == Phase.Greeting))
            Close(421, stopping);
    }

    private void Leave(SmtpVerb verb)
    {
        SaidGoodbye = verb == SmtpVerb.Quit;
        if (SaidGoodbye)
            Close(221, "2.0.0 Bye");
        else
            Close(421, "4.3.0 Please start a new session");
    }

    private void Part(ReadOnlySpan<byte> answer)
    {
        var isLast = answer.StartsWith("421"u8);
        for (var replies = isLast ? 1 : Transaction.FinalReplies; replies > 0; replies--)
            toClient.Write(answer);
        Transaction = TransactionModule.Ended(Transaction);
        parting = null;
        Phase = isLast ? Phase.Closed : Phase.Parting;
        Rest();
    }

    private void Close(int code, string text)
    {
        if (code == 421)
            sink.Happened(SessionEvent.NewEnded(code, text));
        toClient.Write(OwnReply.Line(code, text));
        Phase = Phase.Closed;
    }
}
