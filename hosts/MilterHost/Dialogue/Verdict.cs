using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using Dkim.Core.Canonicalization;
using Dkim.Core.Message;
using Dkim.Core.Programs.Filters.Milter;
using Dkim.Core.Signatures;
using Dkim.Hosting;

namespace Dkim.MilterHost.Dialogue;

/// <summary>Puts a decision into packets. It throws where the decision asks for what cannot be said to this MTA, or at
/// this point of the message.</summary>
/// <param name="changeable">The message is complete, so that it can be changed.</param>
internal sealed class Verdict(Negotiation agreed, bool changeable) : IMilterReply, IDisposable
{
    private const int LongestText = MilterLimits.ReplyText;
    private readonly PooledBuffer changes = new();
    private readonly ArrayBufferWriter<byte> final = new(64);
    private readonly List<Action<IMilterService>> errands = [];

    /// <summary>Packets that change the message.</summary>
    public ReadOnlySpan<byte> Changes => changes.Written.Span;

    /// <summary>The packet that ends the message.</summary>
    public ReadOnlyMemory<byte> Final =>
        final.WrittenCount > 0
            ? final.WrittenMemory
            : throw new InvalidOperationException("a decision that says nothing");

    /// <summary>Does what is to be done besides.</summary>
    public void RunErrands(IMilterService service) => errands.ForEach(errand => errand(service));

    public void Insert(int index, Field field)
    {
        var name = Encoding.Latin1.GetBytes(field.Name);
        var value = MilterField.Value(field, agreed.Agreed(Steps.KeepSpace));
        var place = agreed.Inserts ? sizeof(int) : 0;
        var size = place + name.Length + 1 + value.Length + 1;
        var packet = Change(agreed.Inserts ? Reply.InsertField : Reply.AddField, size);
        if (agreed.Inserts)
            BinaryPrimitives.WriteInt32BigEndian(packet, index);
        WriteText(name, packet[place..]);
        WriteText(value, packet[(place + name.Length + 1)..]);
        Packet.End(changes, size);
    }

    public void Delete(string name, int occurrence)
    {
        var text = Encoding.Latin1.GetBytes(name);
        var size = sizeof(int) + text.Length + 2;
        var packet = Change(Reply.ChangeField, size);
        BinaryPrimitives.WriteInt32BigEndian(packet, occurrence);
        WriteText(text, packet[sizeof(int)..]);
        packet[size - 1] = 0; // no value: the field goes
        Packet.End(changes, size);
    }

    public void Quarantine(string reason)
    {
        if (!agreed.Agreed(Actions.Quarantine))
            throw new InvalidOperationException("the MTA cannot hold messages");
        var text = Encoding.Latin1.GetBytes(Plain(reason));
        WriteText(text, Change(Reply.Quarantine, text.Length + 1));
        Packet.End(changes, text.Length + 1);
    }

    public void RemoveRecipient(string recipient) => ChangeRecipient(Reply.RemoveRecipient, Actions.RemoveRecipients, recipient);

    public void AddRecipient(string recipient) => ChangeRecipient(Reply.AddRecipient, Actions.AddRecipients, recipient);

    public void Send(ReadOnlyMemory<byte> message) => errands.Add(service => service.Mail(message));

    public void Keep(string prefix, ReadOnlyMemory<byte> octets) =>
        errands.Add(service => service.Keep(prefix, octets));

    public void Accept() => End(Reply.Accept);

    public void TempFail() => End(Reply.TempFail);

    public void Discard() => End(Reply.Discard);

    public void Refuse(int code, string enhanced, string text)
    {
        if (code is < 400 or > 599)
            throw new InvalidOperationException($"a refusal with code {code}");
        var line = string.Join(' ', new[] { $"{code}", enhanced, Plain(text) }.Where(part => part.Length > 0));

        // MTAs take the text as a format.
        var octets = Encoding.Latin1.GetBytes(line.Replace("%", "%%", StringComparison.Ordinal));
        End(Reply.ReplyCode, [.. octets, 0]);
    }

    public void Dispose() => changes.Dispose();

    private void ChangeRecipient(Reply reply, Actions action, string recipient)
    {
        if (!agreed.Agreed(action))
            throw new InvalidOperationException("the MTA lets nobody change recipients");
        var text = Encoding.Latin1.GetBytes(recipient);
        WriteText(text, Change(reply, text.Length + 1));
        Packet.End(changes, text.Length + 1);
    }

    private static string Plain(string text)
    {
        var bounded = text.Length > LongestText ? text[..LongestText] : text;
        return string.Create(bounded.Length, bounded, (target, source) =>
        {
            for (var i = 0; i < source.Length; i++)
                target[i] = source[i] is < ' ' or '\x7f' ? ' ' : source[i];
        });
    }

    private static void WriteText(ReadOnlySpan<byte> text, Span<byte> target)
    {
        // It would end there for the MTA.
        if (text.Contains((byte)0))
            throw new InvalidOperationException("a NUL in what is written");
        text.CopyTo(target);
        target[text.Length] = 0;
    }

    private Span<byte> Change(Reply reply, int size) => changeable && final.WrittenCount == 0
        ? Packet.Begin(changes, reply, size)
        : throw new InvalidOperationException("a change of a message that cannot be changed");

    private void End(Reply reply, ReadOnlySpan<byte> data = default)
    {
        if (final.WrittenCount > 0)
            throw new InvalidOperationException("a decision that ends twice");
        Packet.Write(final, reply, data);
    }
}
