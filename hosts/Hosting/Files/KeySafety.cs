using Dkim.Hosting.Native;
using Dkim.Hosting.Processes;

namespace Dkim.Hosting.Files;

/// <summary>Whom a private key is open to beside its user and root: others that read or change the file, or a directory
/// above it. A group counts as others where anybody else is in it.</summary>
public static class KeySafety
{
    private const uint OthersAccess = 0x06;
    private const uint GroupAccess = 0x30;
    private const uint OthersWrite = 0x02;
    private const uint GroupWrite = 0x10;
    private const uint OthersEnter = 0x09;
    private const uint Sticky = 0x200;
    private const string Users = "/etc/passwd";
    private const string Groups = "/etc/group";
    private const int MaxLength = 1 << 24;

    /// <summary>Whom the file is open to, in words that begin with the path at fault; empty for nobody.</summary>
    /// <param name="user">Who is to use it, by name or number; empty for the present user.</param>
    public static string OpenTo(string path, string user)
    {
        var own = OwnUser(user);
        var full = Path.GetFullPath(path);
        if (!FileFacts.TryRead(full, followLinks: true, out var facts))
            return "";
        if (!IsOwn(facts.Owner, own))
            return $"{path} belongs to user {facts.Owner}";
        if ((facts.Permissions & OthersAccess) != 0)
            return $"{path} can be read or written by other users";
        if ((facts.Permissions & GroupAccess) != 0 && Sharer(facts.Group, own) is { } other)
            return $"{path} is in group {facts.Group}, which {other} is in, too";
        return OfDirectories(File.ResolveLinkTarget(full, returnFinalTarget: true)?.FullName ?? full, own);
    }

    // A directory that nobody else can enter keeps everybody from what is below it, whoever may change those above.
    private static string OfDirectories(string path, uint own)
    {
        for (var directory = Path.GetDirectoryName(path);
            directory is not null;
            directory = Path.GetDirectoryName(directory))
        {
            if (!FileFacts.TryRead(directory, followLinks: true, out var facts))
                return "";
            if (!IsOwn(facts.Owner, own))
                return $"{directory} belongs to user {facts.Owner}";
            if ((facts.Permissions & Sticky) == 0 && (facts.Permissions & OthersWrite) != 0)
                return $"{directory} can be written by other users";
            if ((facts.Permissions & Sticky) == 0 && (facts.Permissions & GroupWrite) != 0 && Sharer(facts.Group, own) is { } other)
                return $"{directory} is in group {facts.Group}, which {other} is in, too";
            if ((facts.Permissions & OthersEnter) == 0)
                return "";
        }

        return "";
    }

    private static bool IsOwn(uint user, uint own) => user == 0 || user == own || user == Libc.geteuid();

    // A user that there is not is told by the start itself.
    private static uint OwnUser(string user)
    {
        try
        {
            return Account.Find(user).User;
        }
        catch (StartupException)
        {
            return Libc.geteuid();
        }
    }

    // Somebody else of a group, by the files of users and groups of this machine.
    private static string? Sharer(uint group, uint own)
    {
        var self = "";
        string? primary = null;
        foreach (var entry in Entries(Users))
        {
            if (entry is not [var name, _, var id, var of, ..])
                continue;
            if (id == $"{own}")
                self = name;
            else if (of == $"{group}" && id != "0")
                primary = name;
        }

        return primary ?? Entries(Groups)
            .Where(entry => entry.Length > 3 && entry[2] == $"{group}")
            .SelectMany(entry => entry[3].Split(',', StringSplitOptions.RemoveEmptyEntries))
            .FirstOrDefault(name => name != self && name != "root");
    }

    private static IEnumerable<string[]> Entries(string file)
    {
        try
        {
            return [.. System.Text.Encoding.Latin1.GetString(PrivateFile.ReadShared(file, MaxLength))
                .Split('\n').Select(line => line.Split(':'))];
        }
        catch (FileRefusedException)
        {
            return [];
        }
    }
}
