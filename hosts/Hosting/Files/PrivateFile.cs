using Dkim.Core.Asking;
using Dkim.Core.Programs.Settings;
using Dkim.Hosting.Native;
using Dkim.Hosting.Processes;
using Microsoft.Win32.SafeHandles;

namespace Dkim.Hosting.Files;

/// <summary>What to do with a file whose permissions let others read or change it.</summary>
public enum Strictness
{
    /// <summary>Take it and say so.</summary>
    Warn,

    /// <summary>Refuse it.</summary>
    Refuse,
}

/// <summary>A file that cannot be used. The message is one line: path, what was found, and the remedy.</summary>
public sealed class FileRefusedException(string message) : IOException(message);

/// <summary>The content of a file and what is wrong with its permissions, one line each.</summary>
public sealed record PrivateContent(byte[] Octets, IReadOnlyList<string> Warnings);

/// <summary>Reads files that hold secrets: bounded, from the descriptor that was checked, never from a file that others
/// may have put there.</summary>
public static class PrivateFile
{
    /// <summary>The default bound, in octets.</summary>
    public const int MaxLength = FileContentsModule.SecretLimit;

    private const uint GroupRead = 0x20;
    private const uint GroupWrite = 0x10;
    private const uint OthersRead = 0x04;
    private const uint OthersWrite = 0x02;
    private const uint Sticky = 0x200;
    private const uint Modes = 0x1FF;

    // Users and groups that Debian makes for services (adduser.conf(5), FIRST_SYSTEM_UID to LAST_SYSTEM_UID; group 100 is
    // that of all people).
    private const uint FirstOfServices = 101;
    private const uint LastOfServices = 999;

    /// <summary>Reads a file and checks its owner, its mode and the directories above it.</summary>
    /// <param name="account">Who uses it, and whom it may belong to, user or group, beside root and the present account;
    /// without one, the present.</param>
    /// <param name="ofServices">Who uses it is not known, as to a tool: it may belong to any user or group of a
    /// service.</param>
    /// <exception cref="FileRefusedException">It cannot be read, is no plain file, is too long, or is not private and
    /// the strictness says that it must be.</exception>
    public static PrivateContent Read(
        string path,
        Strictness strictness,
        Account? account = null,
        int maxLength = MaxLength,
        bool ofServices = false)
    {
        using var handle = Open(path, out var facts);
        var problems = Problems(path, facts, new Owners(account, ofServices)).ToArray();
        if (problems.Length > 0 && strictness == Strictness.Refuse)
        {
            throw new FileRefusedException(problems[0]);
        }

        return new PrivateContent(ReadAll(path, handle, facts, maxLength), problems);
    }

    /// <summary>Reads a file that need not be private, e.g. a map: bounded, and only a plain file.</summary>
    public static byte[] ReadShared(string path, int maxLength)
    {
        using var handle = Open(path, out var facts);
        return ReadAll(path, handle, facts, maxLength);
    }

    /// <summary>Opens a file that need not be private, to read it piece by piece; only a plain file.</summary>
    /// <exception cref="FileRefusedException">It cannot be read, or is no plain file.</exception>
    public static Stream OpenShared(string path) => new FileStream(Open(path, out _), FileAccess.Read, 1);

    /// <summary>Whether a file can be read by root and by nobody else.</summary>
    public static bool IsForRootAlone(string path) =>
        FileFacts.TryRead(path, followLinks: true, out var facts)
        && facts.Owner == 0
        && (facts.Permissions & OthersRead) == 0
        && (facts.Group == 0 || (facts.Permissions & GroupRead) == 0);

    private static SafeFileHandle Open(string path, out FileFacts facts)
    {
        // Without blocking: opening a pipe must not stop the service.
        var fd = path.Contains('\0') ? -1 : Libc.Open(path, Libc.O_RDONLY | Libc.O_NONBLOCK);
        if (fd < 0)
        {
            throw new FileRefusedException($"{path}: {Libc.Describe(Libc.LastError)}");
        }

        var handle = new SafeFileHandle(fd, ownsHandle: true);
        if (FileFacts.TryRead(fd, out facts) && facts.IsRegular)
        {
            return handle;
        }

        handle.Dispose();
        throw new FileRefusedException($"{path}: not a plain file");
    }

    private static byte[] ReadAll(string path, SafeFileHandle handle, FileFacts facts, int maxLength)
    {
        if (facts.Size > maxLength)
        {
            throw new FileRefusedException($"{path}: {facts.Size} octets; at most {maxLength} are read");
        }

        var octets = new byte[facts.Size];
        var length = 0;
        int count;
        while ((count = RandomAccess.Read(handle, octets.AsSpan(length), length)) > 0)
        {
            length += count;
        }

        return length == octets.Length ? octets : octets[..length];
    }

    private static IEnumerable<string> Problems(string path, FileFacts facts, Owners owners)
    {
        if (!owners.HasUser(facts.Owner))
        {
            yield return $"{path}: it belongs to user {facts.Owner}; chown it to root or to the user of this service";
        }

        // A group of its own is how a service without root's rights gets at its keys.
        var loose = facts.Permissions & (GroupWrite | OthersRead | OthersWrite);
        if ((facts.Permissions & GroupRead) != 0 && !owners.HasGroup(facts.Group))
        {
            loose |= GroupRead;
        }

        if (loose != 0)
        {
            var who = (loose & (OthersRead | OthersWrite)) != 0 ? "everyone" : $"group {facts.Group}";
            var what = (loose & (GroupWrite | OthersWrite)) != 0 ? "changed" : "read";
            yield return $"{path}: mode {facts.OctalPermissions}, so it can be {what} by {who}; "
                + Remedy(path, facts, facts.Permissions & Modes & ~loose, owners);
        }

        foreach (var problem in DirectoryProblems(path, owners))
        {
            yield return problem;
        }
    }

    // Whoever reads the file now is to read it afterwards: by its owner or by its group, and only else by another group.
    private static string Remedy(string path, FileFacts facts, uint mode, Owners owners)
    {
        if (owners.Read(facts.Owner))
            return $"chmod {Octal(mode)} {path}";
        return owners.Share(facts.Group)
            ? $"chmod {Octal(mode | GroupRead)} {path}"
            : $"chgrp {owners.Group} {path} && chmod {Octal(mode | GroupRead)} {path}";
    }

    private static string Octal(uint mode) => Convert.ToString(mode, 8).PadLeft(4, '0');

    private static IEnumerable<string> DirectoryProblems(string path, Owners owners)
    {
        var full = Path.GetFullPath(path);
        var target = File.ResolveLinkTarget(full, returnFinalTarget: true)?.FullName ?? full;
        foreach (var start in (string[])[full, target])
        {
            for (var directory = Path.GetDirectoryName(start);
                directory is not null;
                directory = Path.GetDirectoryName(directory))
            {
                if (FileFacts.TryRead(directory, followLinks: true, out var facts) && IsOpen(facts, owners))
                {
                    yield return $"{path}: others can replace it: {directory} has mode {facts.OctalPermissions}"
                        + $" and belongs to user {facts.Owner}; "
                        + (owners.HasUser(facts.Owner) ? $"chmod go-w {directory}" : $"chown root {directory}");
                    yield break;
                }
            }
        }
    }

    // In a sticky directory only the owner of a file can replace it.
    private static bool IsOpen(FileFacts directory, Owners owners) =>
        !owners.HasUser(directory.Owner)
        || ((directory.Permissions & Sticky) == 0
            && ((directory.Permissions & OthersWrite) != 0
                || ((directory.Permissions & GroupWrite) != 0 && !owners.HasGroup(directory.Group))));

    /// <summary>Whom a secret may belong to.</summary>
    private readonly record struct Owners(Account? Service, bool OfServices)
    {
        /// <summary>The group to give a secret to, as far as it is known.</summary>
        public string Group => OfServices ? "GROUP-OF-THE-SERVICE" : $"{User.Group}";

        private Account User => Service ?? Account.Current;

        public bool HasUser(uint user) => user == 0 || user == Libc.geteuid() || user == User.User || IsOfService(user);

        public bool HasGroup(uint group) => group == 0 || Account.Current.IsIn(group) || Share(group);

        /// <summary>Whether who uses a secret reads it if it belongs to a user.</summary>
        public bool Read(uint owner) => OfServices ? IsOfService(owner) : User.User == 0 || User.User == owner;

        /// <summary>Whether who uses a secret is in a group.</summary>
        public bool Share(uint group) => OfServices ? IsOfService(group) : User.IsIn(group);

        private bool IsOfService(uint id) => OfServices && id is >= FirstOfServices and <= LastOfServices;
    }
}
