using System.Text;
using Dkim.Core.Canonicalization;
using Dkim.Core.Programs.Filters.Milter;
using Microsoft.FSharp.Core;

namespace Dkim.MilterHost.Dialogue;

/// <summary>The macros that the MTA has sent, by the command that they belong to, in the form in which they
/// came.</summary>
internal sealed class Macros : IMilterMacros
{
    // In the order in which they come.
    private static readonly Command[] stages =
        [Command.Connect, Command.Helo, Command.Mail, Command.Recipient, Command.Data, Command.EndOfHeader,
            Command.EndOfBody];

    private const int WorthKeeping = 1024;
    private readonly byte[][] texts = [[], [], [], [], [], [], []];
    private readonly int[] lengths = new int[7];

    /// <summary>The longest text for one command, in octets.</summary>
    public const int Longest = MilterLimits.Macros;

    /// <summary>The octets of memory that they take.</summary>
    public long Size => texts.Sum(text => (long)text.Length);

    /// <summary>Takes the macros of one command, in place of those that it had. Those of a command that is of no
    /// interest are forgotten.</summary>
    /// <param name="text">Names and values by turns, each ended by a NUL.</param>
    public void Set(Command command, ReadOnlySpan<byte> text)
    {
        var stage = Array.IndexOf(stages, command);
        if (stage < 0)
            return;
        if (texts[stage].Length < text.Length || texts[stage].Length > WorthKeeping)
            texts[stage] = new byte[Math.Max(text.Length, 64)];
        text.CopyTo(texts[stage]);
        lengths[stage] = text.Length;
    }

    /// <summary>Forgets the macros of a command and of those that follow it.</summary>
    public void Forget(Command command)
    {
        for (var stage = Array.IndexOf(stages, command); stage < stages.Length; stage++)
        {
            lengths[stage] = 0;
            if (texts[stage].Length > WorthKeeping)
                texts[stage] = [];
        }
    }

    /// <summary>The value that came first; an empty one only where there is no other.</summary>
    public FSharpValueOption<string> Find(string name) => Find(name, stages.Length);

    public FSharpValueOption<string> FindAtConnect(string name) => Find(name, 1);

    private FSharpValueOption<string> Find(string name, int firstStages)
    {
        var found = FSharpValueOption<string>.ValueNone;
        for (var stage = 0; stage < firstStages; stage++)
        {
            if (!TryFind(texts[stage].AsSpan(0, lengths[stage]), name, out var value))
                continue;
            found = FSharpValueOption<string>.NewValueSome(Encoding.Latin1.GetString(value));
            if (!value.IsEmpty)
                break;
        }

        return found;
    }

    private static bool TryFind(ReadOnlySpan<byte> text, string name, out ReadOnlySpan<byte> value)
    {
        var left = text;
        while (!left.IsEmpty)
        {
            var found = Next(ref left);
            value = Next(ref left);
            if (found is [(byte)'{', .., (byte)'}'])
                found = found[1..^1];
            if (found.Length == name.Length && Ascii.Equals(found, name))
                return true;
        }

        value = default;
        return false;
    }

    private static ReadOnlySpan<byte> Next(scoped ref ReadOnlySpan<byte> text)
    {
        var end = text.IndexOf((byte)0);
        var next = end < 0 ? text : text[..end];
        text = end < 0 ? default : text[(end + 1)..];
        return next;
    }
}
