using System.Buffers;
using Dkim.Core.Dns;
using Dkim.Core.Programs.Proxies.Shared;
using Dkim.Core.Signatures;
using Dkim.Hosting;
using Dkim.ProxyHost.Dialogue;

namespace Dkim.ProxyHost.Sessions;

/// <summary>The message that a session holds between the relay's 354 and the decision: stored and judged as it comes.
/// What goes wrong meanwhile is kept as the answer to the end of the message.</summary>
internal sealed class MessageInHand(SpoolArea area, IMessageFilter filter, long limit) : IDisposable
{
    private const int Piece = 32 * 1024;
    private const string Shorter = "a spooled message has become shorter";
    private readonly Spool spool = area.Open();
    private ProxyDisposition? failure;
    private DotStuffer stuffer;
    private bool isSpoilt;
    // How much of the message the filter has taken.
    private long judged;
    private ReadOnlyMemory<byte> head;
    private long next;

    /// <summary>Why the message could not be processed, or null.</summary>
    public string? Failure { get; private set; }

    /// <summary>It has more octets than one may have.</summary>
    public bool IsTooLarge { get; private set; }

    public void Append(ReadOnlySpan<byte> octets)
    {
        if (failure is not null)
            return;
        if (limit > 0 && spool.Length + octets.Length > limit)
        {
            IsTooLarge = true;
            failure = ProxyDisposition.NewRefuse(552, $"5.3.4 Message is larger than {limit} octets");
            return;
        }

        try
        {
            spool.Append(octets);
            Judge(octets);
        }
        catch (SpoolFullException full)
        {
            Fail(full, 452, "4.3.1 Insufficient system storage");
        }
        catch (Exception other)
        {
            Fail(other, 451, "4.3.0 Local error in processing");
        }
    }

    /// <summary>Takes text of a message that will not be delivered, as much as may be wanted of it.</summary>
    public void AppendSpoilt(ReadOnlySpan<byte> octets)
    {
        if (isSpoilt || failure is not null || spool.Length >= SessionLog.Glimpse)
            return;
        try
        {
            spool.Append(octets);
        }
        catch (IOException)
        {
            isSpoilt = true;
        }
    }

    /// <summary>The first octets of it, with its header unless that is very long.</summary>
    public ReadOnlySpan<byte> Beginning()
    {
        var octets = new byte[Math.Min(spool.Length, SessionLog.Glimpse)];
        try
        {
            return octets.AsSpan(0, spool.Read(0, octets));
        }
        catch (IOException)
        {
            return [];
        }
    }

    /// <summary>What becomes of the message; any failure to decide it is a temporary refusal.</summary>
    public async ValueTask<ProxyDisposition> DecideAsync(CancellationToken cancellation)
    {
        if (failure is not null)
            return failure;
        try
        {
            while (judged < spool.Length)
            {
                await filter.ReadyAsync(cancellation).ConfigureAwait(false);
                JudgeStored();
            }

            var ending = await filter.DecideAsync(cancellation).ConfigureAwait(false);
            if (ending is ProxyDisposition.Relay relay)
                (head, next) = (relay.head, relay.replaced);
            return ending;
        }
        catch (Exception other)
        {
            return Fail(other, 451, "4.3.0 Local error in processing");
        }
    }

    /// <summary>Appends the next piece of what the relay is to get; false when that was the last, with the final
    /// dot.</summary>
    public bool WriteNext(IBufferWriter<byte> output)
    {
        stuffer.Write(head.Span, output);
        head = default;
        var buffer = ArrayPool<byte>.Shared.Rent(Piece);
        try
        {
            var count = spool.Read(next, buffer.AsSpan(0, Piece));
            next += count;
            stuffer.Write(buffer.AsSpan(0, count), output);
            if (next < spool.Length)
                return count > 0 ? true : throw new IOException(Shorter);
            stuffer.End(output);
            return false;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    public void Dispose()
    {
        spool.Dispose();
        filter.Dispose();
    }

    private void Judge(ReadOnlySpan<byte> latest)
    {
        if (judged == spool.Length - latest.Length)
            judged += filter.Feed(latest);
        else if (!filter.Waits)
            JudgeStored();
    }

    // What the filter could not take when it came.
    private void JudgeStored()
    {
        var buffer = ArrayPool<byte>.Shared.Rent(Piece);
        try
        {
            while (judged < spool.Length && !filter.Waits)
            {
                var count = spool.Read(judged, buffer.AsSpan(0, Piece));
                judged += count > 0 ? filter.Feed(buffer.AsSpan(0, count)) : throw new IOException(Shorter);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private ProxyDisposition Fail(Exception why, int code, string text)
    {
        Failure = $"{why.GetType().Name}: {why.Message}";
        return failure = ProxyDisposition.NewRefuse(code, text);
    }
}
