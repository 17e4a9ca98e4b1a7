using System.Buffers;
using System.Text;
using Dkim.Core.Programs.Proxies.Shared;
using Dkim.Core.Signatures;
using Dkim.Core.Words;
using Dkim.ProxyHost.Dialogue;

namespace Dkim.Tests.Hosts.Proxy;

/// <summary>A dialogue between a client whose octets a test gives and a relay, with a pump that knows no sockets: it
/// delivers each message as `decide` says, with an added field on top.</summary>
internal sealed class Conversation : IDialogueSink
{
    public const string Added = "X-Added: yes\r\n";

    private readonly ArrayBufferWriter<byte> toClient = new();
    private readonly ArrayBufferWriter<byte> toRelay = new();
    private readonly StringBuilder text = new();
    private string waiting = "";

    public Conversation(DialogueLimits? limits = null, ScriptedRelay? relay = null, bool greet = true)
    {
        Relay = relay ?? new ScriptedRelay();
        Dialogue = new SmtpDialogue(limits ?? new DialogueLimits(), toClient, toRelay, this);
        if (greet)
            FromRelay(ScriptedRelay.Greeting);
    }

    public SmtpDialogue Dialogue { get; }

    public ScriptedRelay Relay { get; }

    /// <summary>What the client has been told so far.</summary>
    public StringBuilder Client { get; } = new();

    public List<string> Trace { get; } = [];

    /// <summary>What the log was told.</summary>
    public List<string> Events { get; } = [];

    /// <summary>Text behind a broken line end.</summary>
    public StringBuilder SpoiltText { get; } = new();

    /// <summary>Message texts as they were given to the filter.</summary>
    public List<string> Judged { get; } = [];

    /// <summary>A refusal, or null to deliver.</summary>
    public Func<string, (int Code, string Text)?> Decide { get; set; } = _ => null;

    /// <summary>Pieces in which the relay's octets arrive.</summary>
    public int RelayPiece { get; set; } = int.MaxValue;

    public static string Latin1(ReadOnlySpan<byte> octets) => Encoding.Latin1.GetString(octets);

    public Conversation FromClient(string octets)
    {
        waiting += octets;
        Drive();
        return this;
    }

    public Conversation FromRelay(string octets)
    {
        for (var at = 0; at < octets.Length;)
        {
            var size = Math.Min(RelayPiece, octets.Length - at);
            Dialogue.FromRelay(Encoding.Latin1.GetBytes(octets.Substring(at, size)));
            at += size;
        }

        Drive();
        return this;
    }

    /// <summary>What the client was told since the last call.</summary>
    public string Told()
    {
        var told = Client.ToString();
        Client.Clear();
        return told;
    }

    public void Command(ReadOnlySpan<byte> line) => Trace.Add(Latin1(line));

    public void Begin() => text.Clear();

    public void Text(ReadOnlySpan<byte> octets) => text.Append(Latin1(octets));

    public void Spoilt(ReadOnlySpan<byte> octets) => SpoiltText.Append(Latin1(octets));

    public void Happened(SessionEvent what) =>
        Events.Add(SessionLog.Told(what, new Core.Programs.Proxies.Shared.Conversation("192.0.2.1", Dialogue.Transaction), []).Line);

    private void Drive()
    {
        for (var moved = true; moved;)
        {
            var octets = Encoding.Latin1.GetBytes(waiting);
            var taken = Dialogue.FromClient(octets);
            waiting = waiting[taken..];
            moved = taken > 0;
            if (Dialogue.Phase == Phase.Deciding)
                Settle();
            Client.Append(Latin1(toClient.WrittenSpan));
            toClient.ResetWrittenCount();
            if (toRelay.WrittenCount == 0 || Dialogue.RelayUseless)
                continue;
            var sent = Latin1(toRelay.WrittenSpan);
            toRelay.ResetWrittenCount();
            moved = true;
            FromRelay(Relay.Take(sent));
        }
    }

    private void Settle()
    {
        Judged.Add(text.ToString());
        if (Decide(text.ToString()) is var (code, why))
        {
            Dialogue.Refuse(code, why);
            return;
        }

        Dialogue.Deliver();
        var stuffer = new DotStuffer();
        stuffer.Write(Encoding.Latin1.GetBytes(Added), toRelay);
        foreach (var octet in Encoding.Latin1.GetBytes(text.ToString()))
            stuffer.Write([octet], toRelay);
        stuffer.End(toRelay);
        Dialogue.Delivered();
    }
}
