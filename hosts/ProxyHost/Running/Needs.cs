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

    /// <summary>The file of log_file; null where it names none.</summary>
    public static string? LogPath(ProxySettings settings) =>
        ProxySettingsModule.logPath(settings).OrNull();

    /// <summary>The file of log_file, open to append to.</summary>
    public static SafeFileHandle? LogFile(ProxySettings settings) => LogPath(settings) is { } file
        ? StartupException.For(
            ProxySettingsModule.LogFileRow, "let the user who starts the proxy write there", () => OwnProcess.OpenLogFile(file))
        : null;

    /// <summary>The directory of chroot; null where the root stays.</summary>
    public static string? Root(ProxySettings settings)
    {
        if (settings.Chroot.OrNull() is not { } root)
            return null;
        return Directory.Exists(root)
            ? root
            : throw new StartupException(
                StartupFault.Privileges, $"there is no directory {root}", ProxySettingsModule.ChrootRow, "make it, or name another");
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
            FilePlace.RequireDirectory(root + SpoolPath(settings), ProxySettingsModule.SpoolDirectoryRow, StartupFault.Directory);
        }
        catch (StartupException failure) when (variable)
        {
            throw new StartupException(
                failure.Fault, $"of TMPDIR: {failure.Message}", failure.Setting, "set spool_directory, or unset TMPDIR");
        }
    }
}
