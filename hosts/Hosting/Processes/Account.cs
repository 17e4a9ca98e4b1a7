using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Dkim.Core.Programs.Running;
using Dkim.Core.Programs.Settings;
using Dkim.Hosting.Native;

namespace Dkim.Hosting.Processes;

/// <summary>The user and group a process runs as after it has opened what only root may open.</summary>
/// <param name="User">User id.</param>
/// <param name="Group">Group id.</param>
/// <param name="UserName">Name in the user database; empty when the id has none there.</param>
public sealed record Account(uint User, uint Group, string UserName)
{
    /// <summary>The account this process runs as now.</summary>
    public static Account Current => new(Libc.geteuid(), Libc.getegid(), "");

    /// <summary>Looks an account up. Names and numbers are both taken. An absent user or group stays as it is, except
    /// that a user brings its own group.</summary>
    /// <exception cref="StartupException">There is no such user or group.</exception>
    public static Account Find(string? user, string? group = null)
    {
        var found = string.IsNullOrEmpty(user) ? Current : FindUser(user);
        if (!string.IsNullOrEmpty(group))
        {
            return found with { Group = FindGroup(group) };
        }

        return string.IsNullOrEmpty(user) || found.UserName.Length > 0
            ? found
            : throw new StartupException(
                StartupFault.Account, $"user {user} has no group of its own; write {user}:GROUP");
    }

    /// <summary>The account as one word, for a copy of this process.</summary>
    internal string Write() => string.Create(CultureInfo.InvariantCulture, $"{User}:{Group}:{UserName}");

    /// <summary>The account that another process has written.</summary>
    /// <exception cref="StartupException">It is none.</exception>
    internal static Account Read(string text) =>
        text.Split(':', 3) is [var user, var group, var name] && TryNumber(user, out var userId) && TryNumber(group, out var groupId)
            ? new Account(userId, groupId, name)
            : throw new StartupException(StartupFault.Account, $"\"{text}\" names no account");

    /// <summary>The id of a group given by name or number.</summary>
    /// <exception cref="StartupException">There is no such group.</exception>
    public static unsafe uint FindGroup(string group)
    {
        fixed (byte* name = Libc.Text(group))
        {
            var key = name;
            var found = Look<GroupEntry>((entry, buffer, length, result) =>
                Libc.getgrnam_r(key, (GroupEntry*)entry, (byte*)buffer, (nuint)length, (GroupEntry**)result));
            return found is { } entry ? entry.Entry.Group
                : TryNumber(group, out var id) ? id
                : throw new StartupException(StartupFault.Account, $"there is no group \"{group}\"");
        }
    }

    /// <summary>Whether this process may give a file of its own to a group (chown(2)).</summary>
    public static bool MayGiveTo(uint group) => Libc.geteuid() == 0 || Current.IsIn(group);

    /// <summary>Whether the account is in a group, be it by a supplementary one.</summary>
    public bool IsIn(uint group) => group == Group || SupplementaryGroups().Contains(group);

    private uint[] SupplementaryGroups()
    {
        if (UserName.Length > 0)
            return GroupsOf(UserName, Group);
        // A user without a name has none; those of this process are known.
        return User == Libc.geteuid() ? GroupsOfProcess() : [];
    }

    private static unsafe uint[] GroupsOf(string user, uint group)
    {
        for (var room = 64; ; room *= 4)
        {
            var groups = new uint[room];
            var count = room;
            fixed (byte* name = Libc.Text(user))
            fixed (uint* at = groups)
            {
                if (Libc.getgrouplist(name, group, at, &count) >= 0)
                    return groups[..count];
            }

            if (room > 1 << 20)
                return [];
        }
    }

    private static unsafe uint[] GroupsOfProcess()
    {
        var groups = new uint[Math.Max(0, Libc.getgroups(0, null))];
        fixed (uint* at = groups)
        {
            return groups[..Math.Max(0, Libc.getgroups(groups.Length, at))];
        }
    }

    /// <summary>Becomes the account for good, in Postfix's order: group, supplementary groups, user; then makes sure
    /// that no way leads back. Does nothing when the process already is that account.</summary>
    /// <exception cref="StartupException">A step failed, or the process could still become root again.</exception>
    public void Become()
    {
        if (IsHeld())
        {
            return;
        }

        Require(Libc.setgid(Group), $"setgid({Group})");
        if (Libc.geteuid() == 0)
        {
            SetSupplementaryGroups();
        }

        Require(Libc.setuid(User), $"setuid({User})");
        if (!IsHeld())
        {
            throw new StartupException(
                StartupFault.Privileges, $"the change to user {User}, group {Group} did not hold");
        }

        if (User != 0 && Libc.setuid(0) == 0)
        {
            throw new StartupException(StartupFault.Privileges, $"user {User} could become root again");
        }
    }

    // In every respect: an id that is only saved can be taken back.
    private unsafe bool IsHeld()
    {
        uint real, effective, saved;
        return Libc.getresuid(&real, &effective, &saved) == 0 && real == User && effective == User && saved == User
            && Libc.getresgid(&real, &effective, &saved) == 0 && real == Group && effective == Group && saved == Group;
    }

    private unsafe void SetSupplementaryGroups()
    {
        if (UserName.Length == 0)
        {
            var group = Group;
            Require(Libc.setgroups(1, &group), $"setgroups({Group})");
            return;
        }

        fixed (byte* name = Libc.Text(UserName))
        {
            Require(Libc.initgroups(name, Group), $"initgroups({UserName})");
        }
    }

    private static void Require(int result, string step)
    {
        if (result != 0)
        {
            throw new StartupException(StartupFault.Privileges, $"{step} failed: {Libc.Describe(Libc.LastError)}");
        }
    }

    private static unsafe Account FindUser(string user)
    {
        fixed (byte* name = Libc.Text(user))
        {
            var key = name;
            var found = Look<UserEntry>((entry, buffer, length, result) =>
                Libc.getpwnam_r(key, (UserEntry*)entry, (byte*)buffer, (nuint)length, (UserEntry**)result));
            if (found is null && TryNumber(user, out var id))
            {
                found = Look<UserEntry>((entry, buffer, length, result) =>
                    Libc.getpwuid_r(id, (UserEntry*)entry, (byte*)buffer, (nuint)length, (UserEntry**)result));
                if (found is null)
                {
                    return new Account(id, Libc.getegid(), "");
                }
            }

            return found is { } account
                ? new Account(account.Entry.User, account.Entry.Group, account.Name)
                : throw new StartupException(StartupFault.Account, $"there is no user \"{user}\"");
        }
    }

    private delegate int LookUp(nint entry, nint buffer, int length, nint result);

    /// <summary>One look into the user database: the entry, and the name it begins with. Its other texts are gone.</summary>
    private static unsafe (T Entry, string Name)? Look<T>(LookUp look)
        where T : unmanaged
    {
        for (var length = 1024; length <= 1 << 20; length *= 2)
        {
            T entry;
            fixed (byte* buffer = new byte[length])
            {
                T* result = null;
                var error = look((nint)(&entry), (nint)buffer, length, (nint)(&result));
                if (error == Libc.ERANGE)
                {
                    continue;
                }

                if (result is null)
                {
                    return null;
                }

                var name = MemoryMarshal.CreateReadOnlySpanFromNullTerminated(*(byte**)&entry);
                return (entry, Encoding.UTF8.GetString(name));
            }
        }

        return null;
    }

    private static bool TryNumber(string text, out uint number)
    {
        var id = AccountNameModule.tryId(text);
        number = id.IsSome ? id.Value : 0;
        return id.IsSome;
    }
}
