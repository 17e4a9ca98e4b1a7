using Dkim.Core.Programs.Proxies;
using Dkim.Core.Programs.Proxies.Shared;
using Dkim.Core.Programs.Running;
using Dkim.Core.Programs.Settings;
using Dkim.Core.Signatures;
using Dkim.Hosting;
using Microsoft.Win32.SafeHandles;

namespace Dkim.ProxyHost.Running;

/// <summary>What a start needs of the machine beside its files. Each step says for which setting; a start ends at the
/// first that fails, a check goes on.</summary>
internal static class Needs
{
    /// <summary>A failed step in a line, with the place of the setting that it was for.</summary>
    public static string Describe(ProxyProgram program, StartupException failure) => failure.Setting.Length == 0
        ? failure.Message
        : program.Refusal(failure.Setting, failure.Message, failure.Remedy);

    /// <summary>The account of user and group; without them, the present.</summary>
    public static Account Account(ProxySettings settings)
    {
        var named = settings.User.IsSome ? settings.User.Value : new AccountName(default, default);
        var user = named.User.OrNull();
        var group = settings.Group.OrNull() ?? named.Group.OrNull();
        if (group is not null)
        {
            StartupException.For(
                "group",
                "name a group of the machine, as getent group lists them",
                () => Hosting.Processes.Account.FindGroup(group));
        }

        return StartupException.For(
            "user",
            "name a user of the machine, as getent passwd lists them",
            () => Hosting.Processes.Account.Find(user, group));
    }

    /// <summary>Becomes an account for good.</summary>
    public static void Become(Account account) =>
        StartupException.For("user", "start as root, or as this user", account.Become);

    /// <summary>The source of DNS answers.</summary>
    /// <param name="recordOctets">The longest TXT record to take.</param>
    public static ResolverSource Resolver(ProxySettings settings, int recordOctets) => new(
        settings.TestKeys.OrNull(),
        new ResolverSettings
        {
            Kind = settings.Resolver,
            Forwarders = [.. settings.Nameservers],
            TrustAnchorFile = settings.TrustAnchor.OrNull(),
            RecordOctets = recordOctets,
            Time = TimeSpan.FromSeconds(settings.DnsTimeout),
        },
        new ResolverSettingNames("test_keys", "trust_anchor", "resolver"));

    /// <summary>The file of log_file; null where it names none.</summary>
    public static string? LogPath(ProxySettings settings) =>
        ProxySettingsModule.logPath(settings).OrNull();

    /// <summary>The file of log_file, open to append to.</summary>
    public static SafeFileHandle? LogFile(ProxySettings settings) => LogPath(settings) is { } file
        ? StartupException.For(
            "log_file", "let the user who starts the proxy write there", () => OwnProcess.OpenLogFile(file))
        : null;

    /// <summary>The directory of chroot; null where the root stays.</summary>
    public static string? Root(ProxySettings settings)
    {
        if (settings.Chroot.OrNull() is not { } root)
            return null;
        return Directory.Exists(root)
            ? root
            : throw new StartupException(
                StartupFault.Privileges, $"there is no directory {root}", "chroot", "make it, or name another");
    }

    /// <summary>Where large messages wait: spool_directory, else $TMPDIR, else /tmp.</summary>
    public static string SpoolPath(ProxySettings settings) =>
        settings.SpoolDirectory.OrNull() ?? Path.GetTempPath();

    /// <summary>Sees that large messages could wait. The user is the one who serves by now.</summary>
    /// <param name="root">The directory that is to be the root.</param>
    public static void Spool(ProxySettings settings, string root = "")
    {
        var variable = settings.SpoolDirectory.IsNone && Environment.GetEnvironmentVariable("TMPDIR") is { Length: > 0 };
        try
        {
            FilePlace.RequireDirectory(root + SpoolPath(settings), "spool_directory", StartupFault.Directory);
        }
        catch (StartupException failure) when (variable)
        {
            throw new StartupException(
                failure.Fault, $"of TMPDIR: {failure.Message}", failure.Setting, "set spool_directory, or unset TMPDIR");
        }
    }
}
