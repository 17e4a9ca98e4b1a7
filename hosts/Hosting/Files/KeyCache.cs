using System.Collections.Concurrent;
using Dkim.Core.Cryptography;

namespace Dkim.Hosting.Files;

/// <summary>The private keys that tables and rows name, as they are now: a key is read when a message needs it, and again when its
/// file has become another. Used by several threads.</summary>
public sealed class KeyCache
{
    // Of either of two generations: when the young one is full it becomes the old one, and what is still used comes back.
    private const int Most = 5000;

    private ConcurrentDictionary<KeyPlace, Kept> young = new();
    private ConcurrentDictionary<KeyPlace, Kept> old = new();

    /// <summary>What is at a place.</summary>
    public KeyReading Read(KeyPlace place) =>
        place is KeyPlace.KeyAt { path: var path, user: var user } ? ReadFile(place, path, user) : ReadText((KeyPlace.KeyText)place);

    private KeyReading ReadText(KeyPlace.KeyText place) =>
        TryFind(place) is { } kept ? kept.Reading : Keep(place, new Kept(default, "", KeyReadingModule.Inline(place.text)));

    private KeyReading ReadFile(KeyPlace place, string path, string user)
    {
        // Looked at before it is read: a change in between is then seen as one more.
        var mark = FileMark.Of(path);
        if (mark.IsGone || mark.IsHidden)
            return KeyReadingModule.Unread(mark.IsGone ? "No such file or directory" : "Permission denied");
        var openTo = KeySafety.OpenTo(path, user);
        if (TryFind(place) is { } kept && kept.Mark == mark && kept.OpenTo == openTo)
            return kept.Reading;
        try
        {
            var octets = PrivateFile.ReadShared(path, PrivateFile.MaxLength);
            return Keep(place, new Kept(mark, openTo, KeyReadingModule.OfFile(octets, openTo)));
        }
        catch (FileRefusedException failure)
        {
            return KeyReadingModule.Unread(failure.Message.StartsWith(path + ": ", StringComparison.Ordinal)
                ? failure.Message[(path.Length + 2)..]
                : failure.Message);
        }
    }

    private Kept? TryFind(KeyPlace place)
    {
        if (young.TryGetValue(place, out var kept))
            return kept;
        if (!old.TryGetValue(place, out kept))
            return null;
        Keep(place, kept);
        return kept;
    }

    private KeyReading Keep(KeyPlace place, Kept kept)
    {
        if (young.Count >= Most)
            (old, young) = (young, new());
        young[place] = kept;
        return kept.Reading;
    }

    private sealed record Kept(FileMark Mark, string OpenTo, KeyReading Reading);
}
