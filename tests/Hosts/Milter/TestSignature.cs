using System.Security.Cryptography;
using System.Text;

namespace Dkim.Tests.Hosts.Milter;

/// <summary>Signatures over the one message of the scripts, made without any code of the programs. Canonicalization of
/// DKIM is relaxed/simple, which leaves this message as it is but for the names of its fields; of DomainKeys nofws,
/// which takes all its blanks.</summary>
internal static class TestSignature
{
    private const string Body = "One line.\r\nAnother.\r\n";

    public static string PublicKey(RSA key) => Convert.ToBase64String(key.ExportSubjectPublicKeyInfo());

    /// <summary>The value of a DKIM-Signature.</summary>
    /// <param name="author">The mailbox in From.</param>
    /// <param name="tags">Tags that are added to the usual ones or stand in their place: <c>d=other.example; l=4</c>. A
    /// tag without value is left out. <c>damage=body</c> and <c>damage=header</c> make the signature one of other
    /// content, and <c>damage=syntax</c> breaks off the text.</param>
    public static string Make(RSA key, string author, string tags)
    {
        var chosen = new Dictionary<string, string>
        {
            ["v"] = "1",
            ["a"] = "rsa-sha256",
            ["c"] = "relaxed/simple",
            ["d"] = "example.org",
            ["s"] = "sel",
            ["h"] = "From:To:Subject:Date",
        };
        var damage = Change(chosen, tags);
        var body = chosen.TryGetValue("l", out var length) ? Body[..Math.Min(Body.Length, int.Parse(length))] : Body;
        body = damage == "body" ? "Other" : body;
        chosen.TryAdd("bh", Convert.ToBase64String(SHA256.HashData(Encoding.Latin1.GetBytes(body))));
        var text = Text(chosen);
        var fields = new Dictionary<string, string>
        {
            ["from"] = damage == "header" ? "Other <other@example.org>" : author,
            ["to"] = "ann@example.com",
            ["subject"] = "a test",
            ["date"] = "Fri, 20 Nov 2026 12:00:00 +0000",
            ["message-id"] = "<1@example.org>",
        };
        var header = string.Concat(chosen["h"].Split(':').Select(name => name.ToLowerInvariant())
            .Where(fields.ContainsKey).Select(name => $"{name}:{fields[name]}\r\n"));
        var signed = Encoding.Latin1.GetBytes(header + "dkim-signature:" + text);
        var value = Convert.ToBase64String(key.SignData(signed, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1));
        return damage == "syntax" ? "v=1; a=rsa-sha256; d=example.org; ;=x" : text + value;
    }

    /// <summary>The value of a DomainKey-Signature that stands above all fields and covers them.</summary>
    /// <param name="author">As for <see cref="Make"/>.</param>
    /// <param name="tags">As for <see cref="Make"/>.</param>
    public static string MakeDomainKey(RSA key, string author, string tags)
    {
        var chosen = new Dictionary<string, string>
        {
            ["a"] = "rsa-sha1",
            ["c"] = "nofws",
            ["q"] = "dns",
            ["d"] = "example.org",
            ["s"] = "sel",
        };
        var damage = Change(chosen, tags);
        string[] lines =
        [
            $"From:{(damage == "header" ? "Other <other@example.org>" : author)}",
            "To:ann@example.com", "Subject:a test", "Date:Fri, 20 Nov 2026 12:00:00 +0000", "Message-ID:<1@example.org>", "",
            .. damage == "body" ? ["Other."] : Body.TrimEnd().Split("\r\n"),
        ];
        var signed = string.Concat(lines.Select(line => line.Replace(" ", "") + "\r\n"));
        // The only algorithm that there is (RFC 4870 section 3.2.1).
        var value = key.SignData(Encoding.Latin1.GetBytes(signed), HashAlgorithmName.SHA1, RSASignaturePadding.Pkcs1);
        return damage == "syntax" ? "a=rsa-sha1; d=example.org; ;=x" : Text(chosen) + Convert.ToBase64String(value);
    }

    // Adds the tags, and gives the kind of damage that is among them.
    private static string? Change(Dictionary<string, string> chosen, string tags)
    {
        foreach (var tag in tags.Split(';', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            chosen[tag.Split('=')[0]] = tag[(tag.IndexOf('=') + 1)..];
        }

        chosen.Remove("damage", out var damage);
        return damage;
    }

    private static string Text(Dictionary<string, string> tags) =>
        string.Join("; ", tags.Where(tag => tag.Value.Length > 0).Select(tag => $"{tag.Key}={tag.Value}")) + "; b=";
}
