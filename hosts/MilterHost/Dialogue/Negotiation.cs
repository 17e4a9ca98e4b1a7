using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace Dkim.MilterHost.Dialogue;

/// <summary>What MTA and milter have agreed on for one connection.</summary>
internal sealed record Negotiation(uint Version, Actions Actions, Steps Steps)
{
    private const int Size = 12;
    private const uint Newest = 6;
    private const uint Oldest = 2;

    // Milters name the stages of macros by numbers of their own.
    private const int MacrosAtConnect = 0;
    private const int MacrosAtEndOfHeader = 6;

    private const Steps Wanted = Steps.NoHelo | Steps.NoUnknown | Steps.NoData | Steps.Skip | Steps.KeepSpace
        | Steps.SilentField | Steps.SilentHelo | Steps.SilentMail | Steps.SilentRecipient | Steps.SilentData
        | Steps.SilentUnknown | Steps.SilentEndOfHeader;

    /// <summary>Fields can be inserted anywhere, which came together with the quarantine; older MTAs append.</summary>
    public bool Inserts { get; private init; }

    public bool Agreed(Steps step) => (Steps & step) != 0;

    public bool Agreed(Actions action) => (Actions & action) != 0;

    /// <summary>Whether the MTA waits for no reply to a command.</summary>
    public bool IsSilent(Command command) => Agreed(command switch
    {
        Command.Connect => Steps.SilentConnect,
        Command.Helo => Steps.SilentHelo,
        Command.Mail => Steps.SilentMail,
        Command.Recipient => Steps.SilentRecipient,
        Command.Data => Steps.SilentData,
        Command.Unknown => Steps.SilentUnknown,
        Command.Field => Steps.SilentField,
        Command.EndOfHeader => Steps.SilentEndOfHeader,
        Command.Body => Steps.SilentBody,
        _ => Steps.None,
    });

    /// <summary>Chooses from what the MTA offers in its first packet; null with the reason when that will not
    /// do.</summary>
    public static Negotiation? Of(ReadOnlySpan<byte> offer, IMilterService service, out string problem)
    {
        problem = "";
        if (offer.Length < Size)
        {
            problem = "its offer is too short";
            return null;
        }

        var version = BinaryPrimitives.ReadUInt32BigEndian(offer);
        var actions = (Actions)BinaryPrimitives.ReadUInt32BigEndian(offer[4..]);
        var steps = (Steps)BinaryPrimitives.ReadUInt32BigEndian(offer[8..]);
        var needed = Actions.AddFields | Actions.ChangeFields
            | (service.Quarantines ? Actions.Quarantine : Actions.None)
            | (service.Redirects ? Actions.AddRecipients | Actions.RemoveRecipients : Actions.None);
        if (version < Oldest)
            problem = $"it speaks version {version} of the protocol, and {Oldest} is the oldest known";
        else if ((actions & needed) != needed)
            problem = $"it offers the actions 0x{(uint)actions:x}, and 0x{(uint)needed:x} are needed";
        if (problem.Length > 0)
            return null;
        return new Negotiation(
            Math.Min(version, Newest),
            actions & (needed | Actions.Quarantine | Actions.ChooseMacros),
            steps & Choose(steps, service))
        {
            Inserts = version > Oldest || (actions & Actions.Quarantine) != 0,
        };
    }

    /// <summary>Appends the answer to the offer.</summary>
    public void Write(IBufferWriter<byte> output, IMilterService service)
    {
        byte[] wanted = Agreed(Actions.ChooseMacros)
            ?
            [
                .. Choice(MacrosAtConnect, service.WantedMacros.AtConnect),
                .. Choice(MacrosAtEndOfHeader, service.WantedMacros.AtEndOfHeader),
            ]
            : [];
        var size = Size + wanted.Length;
        var packet = Packet.Begin(output, Reply.Negotiate, size);
        BinaryPrimitives.WriteUInt32BigEndian(packet, Version);
        BinaryPrimitives.WriteUInt32BigEndian(packet[4..], (uint)Actions);
        BinaryPrimitives.WriteUInt32BigEndian(packet[8..], (uint)Steps);
        wanted.CopyTo(packet[Size..]);
        Packet.End(output, size);
    }

    private static byte[] Choice(int stage, IReadOnlyCollection<string> names)
    {
        if (names.Count == 0)
            return [];
        var text = string.Join(' ', names.Select(name => name.Length == 1 ? name : $"{{{name}}}"));
        var number = new byte[sizeof(int)];
        BinaryPrimitives.WriteInt32BigEndian(number, stage);
        return [.. number, .. Encoding.Latin1.GetBytes(text), 0];
    }

    // A reply that may say something is waited for: whom to ignore, when to skip the rest of a body.
    private static Steps Choose(Steps offered, IMilterService service) => Wanted
        | (service.IgnoresSome ? Steps.None : Steps.SilentConnect)
        | (service.SkipsBodies && (offered & Steps.Skip) != 0 ? Steps.None : Steps.SilentBody);
}
