using System.Buffers;
using Dkim.Core.Asking;
using Dkim.Core.Message;
using Dkim.Core.Programs.Filters.Milter;
using Dkim.Core.Signatures;
using Dkim.Hosting;
using Microsoft.FSharp.Collections;

namespace Dkim.MilterHost.Dialogue;

/// <summary>One message of a dialogue, from its MAIL command to its last word. A failure of ours makes the last word
/// that the MTA is to try again; it never lets a message pass.</summary>
internal sealed class MessageInHand(
    IMilterService service, Negotiation agreed, MilterMacros macros, IBufferWriter<byte> output) : IDisposable
{
    private static readonly byte[] accept = [0, 0, 0, 1, (byte)Reply.Accept];
    private static readonly byte[] tempFail = [0, 0, 0, 1, (byte)Reply.TempFail];
    private MilterMessage? message;
    private FSharpList<Need> needs = FSharpList<Need>.Empty;
    private bool skipped;
    private bool asked;
    private bool complete;

    /// <summary>The packet that ends the message, from when it is known until it may be said; else empty.</summary>
    public ReadOnlyMemory<byte> Final { get; private set; }

    /// <summary>Nothing goes on before its needs are found: it is complete but for them, or without them it is not known what
    /// is done with it.</summary>
    public bool Waiting { get; private set; }

    /// <summary>The MTA waits for the last word.</summary>
    public bool Complete => complete;

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
        GoOn();
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

    /// <summary>The needs of each step once, else nothing.</summary>
    public FSharpList<Need> TakeNeeds()
    {
        var taken = needs;
        needs = FSharpList<Need>.Empty;
        return taken;
    }

    /// <summary>The message is complete: it then is <see cref="Waiting"/> or has its <see cref="Final"/>.</summary>
    public void Finish()
    {
        complete = true;
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

    /// <summary>What was found of the needs taken last, for a message that is <see cref="Waiting"/>.</summary>
    public void Go(Found found)
    {
        Waiting = asked = false;
        try
        {
            message!.Go(found);
            if (!complete)
                GoOn();
        }
        catch (Exception failure)
        {
            Fail(failure);
        }

        if (complete)
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
        needs = FSharpList<Need>.Empty;
        Waiting = asked = false;
    }

    // At the end of the header.
    private void GoOn()
    {
        if (message!.Decided)
        {
            Decide(changeable: false);
            return;
        }

        Ask();
        Waiting = message.HoldsBody;
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

    // What is needed at the end of the header is looked for before the body comes, and may not be found yet at its end.
    private void Ask()
    {
        if (asked)
            return;
        needs = message!.Needs;
        asked = !needs.IsEmpty;
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
