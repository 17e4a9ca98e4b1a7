using System.Runtime.InteropServices;

namespace Dkim.Hosting.Native;

/// <summary>Calls for users and groups: those of this process, and those of the machine.</summary>
internal static unsafe partial class Libc
{
    /// <summary>The effective user id (geteuid(2)).</summary>
    [DllImport(Name)]
    public static extern uint geteuid();

    /// <summary>The effective group id (getegid(2)).</summary>
    [DllImport(Name)]
    public static extern uint getegid();

    /// <summary>The user id of the caller (getuid(2)).</summary>
    [DllImport(Name)]
    public static extern uint getuid();

    /// <summary>The group id of the caller (getgid(2)).</summary>
    [DllImport(Name)]
    public static extern uint getgid();

    /// <summary>All three user ids (getresuid(2)).</summary>
    [DllImport(Name, SetLastError = true)]
    public static extern int getresuid(uint* real, uint* effective, uint* saved);

    /// <summary>All three group ids (getresgid(2)).</summary>
    [DllImport(Name, SetLastError = true)]
    public static extern int getresgid(uint* real, uint* effective, uint* saved);

    /// <summary>Sets all three user ids, in every thread (setresuid(2)).</summary>
    [DllImport(Name, SetLastError = true)]
    public static extern int setresuid(uint real, uint effective, uint saved);

    /// <summary>Sets all three group ids, in every thread (setresgid(2)).</summary>
    [DllImport(Name, SetLastError = true)]
    public static extern int setresgid(uint real, uint effective, uint saved);

    /// <summary>Sets the effective user id; all three where root calls it (setuid(2)).</summary>
    [DllImport(Name, SetLastError = true)]
    public static extern int setuid(uint user);

    /// <summary>Sets the effective group id; all three where root calls it (setgid(2)).</summary>
    [DllImport(Name, SetLastError = true)]
    public static extern int setgid(uint group);

    /// <summary>Takes the supplementary groups of a user (initgroups(3)).</summary>
    [DllImport(Name, SetLastError = true)]
    public static extern int initgroups(byte* user, uint group);

    /// <summary>Sets the supplementary groups (setgroups(2)).</summary>
    [DllImport(Name, SetLastError = true)]
    public static extern int setgroups(nuint count, uint* groups);

    /// <summary>The supplementary groups of this process; their number alone where count is 0 (getgroups(2)).</summary>
    [DllImport(Name, SetLastError = true)]
    public static extern int getgroups(int count, uint* groups);

    /// <summary>The groups that a user is in; -1 where there is no room for them (getgrouplist(3)).</summary>
    [DllImport(Name)]
    public static extern int getgrouplist(byte* user, uint group, uint* groups, int* count);

    /// <summary>Finds a user by name; gives an error number (getpwnam_r(3)).</summary>
    [DllImport(Name)]
    public static extern int getpwnam_r(byte* name, UserEntry* entry, byte* buffer, nuint length, UserEntry** result);

    /// <summary>Finds a user by id; gives an error number (getpwuid_r(3)).</summary>
    [DllImport(Name)]
    public static extern int getpwuid_r(uint id, UserEntry* entry, byte* buffer, nuint length, UserEntry** result);

    /// <summary>Finds a group by name; gives an error number (getgrnam_r(3)).</summary>
    [DllImport(Name)]
    public static extern int getgrnam_r(byte* name, GroupEntry* entry, byte* buffer, nuint length, GroupEntry** result);
}

/// <summary>struct passwd of getpwnam(3).</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct UserEntry
{
    public byte* Name;
    public byte* Password;
    public uint User;
    public uint Group;
    public byte* RealName;
    public byte* Home;
    public byte* Shell;
}

/// <summary>struct group of getgrnam(3).</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct GroupEntry
{
    public byte* Name;
    public byte* Password;
    public uint Group;
    public byte** Members;
}
