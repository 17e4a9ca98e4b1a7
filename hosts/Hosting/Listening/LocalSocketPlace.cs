namespace Dkim.Hosting;

/// <summary>Where a Unix socket is to be made.</summary>
public static class LocalSocketPlace
{
    private const string MadeAtBoot = "/run/";

    /// <summary>Sees that this process could make a socket at a path. A directory of /run that is not there yet is taken
    /// for one that the service manager makes at the start (RuntimeDirectory).</summary>
    /// <param name="setting">The setting that names the path.</param>
    /// <exception cref="StartupException">It could not.</exception>
    public static void Require(string path, string setting)
    {
        var directory = Path.GetDirectoryName(Path.GetFullPath(path)) ?? "/";
        if (!Directory.Exists(directory))
        {
            if (!directory.StartsWith(MadeAtBoot, StringComparison.Ordinal))
                throw Refused($"there is no directory {directory}", $"make it: mkdir {directory}", setting);
            return;
        }

        if (FileFacts.TryRead(path, followLinks: false, out var there) && !there.IsSocket)
            throw Refused($"{path} is there and is no socket", "remove it, or name another path", setting);
        if (!OwnProcess.MayWriteIn(directory))
        {
            throw Refused(
                $"the user of the service may not make files in {directory}",
                $"chown it to that user, or name another directory",
                setting);
        }
    }

    private static StartupException Refused(string reason, string remedy, string setting) =>
        new(StartupFault.Address, reason, setting, remedy);
}
