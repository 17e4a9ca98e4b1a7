using System.Buffers;
using System.Text;
using Dkim.ProxyHost.Dialogue;

namespace Dkim.Tests.Hosts.Proxy;

/// <summary>A relay that answers EHLO, in one of several ways, and then nothing more.</summary>
internal sealed class SilentRelay(params string[] ehloReplies)
{
    /// <summary>What the relay has been sent, after EHLO, of a group that the client sent at once.</summary>
    /// <param name="greetsAgain">The relay has gone back to its greeting in between, as it does for XCLIENT.</param>
    public string Given(int reply, bool greetsAgain = false)
    {
        var (dialogue, toRelay) = Begin(new DialogueLimits(), reply);
        if (greetsAgain)
        {
            dialogue.FromClient("XCLIENT ADDR=192.0.2.1\r\n"u8);
            dialogue.FromRelay(Encoding.Latin1.GetBytes(ScriptedRelay.Greeting));
            toRelay.ResetWrittenCount();
        }

        dialogue.FromClient("MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nRCPT TO:<e@f>\r\nDATA\r\nNOOP\r\n"u8);
        return Encoding.Latin1.GetString(toRelay.WrittenSpan);
    }

    /// <summary>How much of a client's octets is taken while no reply comes.</summary>
    public int Take(DialogueLimits limits, string octets) =>
        Begin(limits, ehloReplies.Length - 1).Dialogue.FromClient(Encoding.Latin1.GetBytes(octets));

    private (SmtpDialogue Dialogue, ArrayBufferWriter<byte> ToRelay) Begin(DialogueLimits limits, int reply)
    {
        var toRelay = new ArrayBufferWriter<byte>();
        var conversation = new Conversation(limits, greet: false);
        var dialogue = new SmtpDialogue(limits, new ArrayBufferWriter<byte>(), toRelay, conversation);
        dialogue.FromRelay(Encoding.Latin1.GetBytes(ScriptedRelay.Greeting));
        dialogue.FromClient("EHLO c\r\n"u8);
        toRelay.ResetWrittenCount();
        dialogue.FromRelay(Encoding.Latin1.GetBytes(ehloReplies[reply]));
        return (dialogue, toRelay);
    }
}
