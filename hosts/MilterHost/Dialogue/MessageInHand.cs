using System.Buffers;
using Dkim.Core.Dns;
using Dkim.Core.Message;
using Dkim.Core.Programs.Filters.Milter;
using Dkim.Core.Signatures;
using Dkim.Hosting;

namespace Dkim.MilterHost.Dialogue;

/// <summary>One message of a dialogue, from its MAIL command to its last word. A failure of ours makes the last word
/// that the MTA is to try again; it never lets a message pass.</summary>
internal sealed class MessageInHand(
    IMilterService service, Negotiation agreed, Macros macros, IBufferWriter<byte> output) : IDisposable
{
    private static readonly byte[] accept = [0, 0, 0, 1, (byte)Reply.Accept];
    private static readonly byte[] tempFail = [0, 0, 0, 1, (byte)Reply.TempFail];
    private MilterMessage? message;
    private Question[] questions = [];
    private bool skipped;
    private bool asked;

    /// <summary>The packet that ends the message, from when it is known until it may be said; else empty.</summary>
    public ReadOnlyMemory<byte> Final { get; private set; }

    /// <summary>It is complete but for the answers to its questions.</summary>
    public bool Waiting { get; private set; }

    /// <summary>Lets it pass without being looked at.</summary>
    public void Ignore() => Final = accept;

    public void Begin(MilterClient client, ReadOnlySpan<byte> sender)
    {
        message = service.NewMessage(client);
        message.Sender(sender);
    }

    public void Recipient(ReadOnlySpan<byte> address) => message?.Recipient(address);

    public void Field(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value) =>
        message?.Field(name, value, agreed.Agreed(Steps.KeepSpace));

    /// <summary>Whether a field with so many octets of data would be kept.</summary>
    public bool WouldKeep(int octets) => message?.WouldKeep(octets) ?? false;

    /// <summary>A field that would not be kept, by the beginning of its data.</summary>
    public void LongField(ReadOnlySpan<byte> start, int octets) => message?.LongField(start, octets);

    /// <summary>The header is complete.</summary>
    public void Plan()
    {
        if (message is null)
            return;
        message.EndOfHeader(macros, service.Clock.UnixSeconds());
        if (message.Decided)
            Decide(changeable: false);
        else
            Ask();
    }

    public void Feed(ReadOnlySpan<byte> octets)
    {
        if (Final.IsEmpty && !skipped && !octets.IsEmpty)
            message!.Feed(octets);
    }

    /// <summary>Whether to tell the MTA, which understands it, that no more of the body is wanted; once.</summary>
    public bool Skip()
    {
        var skips = !skipped && agreed.Agreed(Steps.Skip) && message is { WantsMore: false };
        skipped |= skips;
        return skips;
    }

    /// <summary>Each round of questions once, else nothing.</summary>
    public Question[] TakeQuestions()
    {
        var taken = questions;
        questions = [];
        return taken;
    }

    /// <summary>The message is complete: it then is <see cref="Waiting"/> or has its <see cref="Final"/>.</summary>
    public void Finish()
    {
        try
        {
            if (Final.IsEmpty)
                message!.End();
        }
        catch (Exception failure)
        {
            Fail(failure);
        }

        Conclude();
    }

    /// <summary>The answers to the questions taken last, for a message that is <see cref="Waiting"/>.</summary>
    public void Answer(IReadOnlyDictionary<Question, Answer> answers)
    {
        Waiting = asked = false;
        try
        {
            message!.Answer(answers);
        }
        catch (Exception failure)
        {
            Fail(failure);
        }

        Conclude();
    }

    public void Fail(Exception failure) => Fail($"{failure.GetType().Name}: {failure.Message}");

    /// <summary>It cannot be handled now.</summary>
    public void Fail(string why)
    {
        service.Log(MilterLog.NotProcessed(macros.Find("i"), why));
        Dispose();
        Final = tempFail;
    }

    public void Dispose()
    {
        (message as IDisposable)?.Dispose();
        message = null;
        questions = [];
        Waiting = asked = false;
    }

    private void Conclude()
    {
        try
        {
            if (Final.IsEmpty)
                AskOrDecide();
        }
        catch (Exception failure)
        {
            Fail(failure);
        }
    }

    private void AskOrDecide()
    {
        Ask();
        Waiting = asked;
        if (!Waiting)
            Decide(changeable: true);
    }

    // The first round is asked before the body comes, and may still be under way at its end.
    private void Ask()
    {
        if (asked)
            return;
        questions = message!.Questions;
        asked = questions.Length > 0;
    }

    private void Decide(bool changeable)
    {
        var decision = message!.Decision;
        using var verdict = new Verdict(agreed, changeable);
        decision.Tell(verdict);
        var last = verdict.Final;
        foreach (var line in decision.Log)
            service.Log(line);
        verdict.RunErrands(service);
        output.Write(verdict.Changes);
        Final = last;
    }
}
