using Dkim.Core.Programs.Running;
using Dkim.Hosting.Processes;

namespace Dkim.Hosting.Files;

/// <summary>Where files and sockets are to be made: whether this process could, seen without making them.</summary>
public static class FilePlace
{
    private const string MadeAtBoot = "/run/";

    /// <summary>Sees that this process could make a Unix socket at a path.</summary>
    /// <param name="setting">The setting that names the path.</param>
    /// <exception cref="StartupException">It could not.</exception>
    public static void RequireSocket(string path, string setting)
    {
        if (FileFacts.TryRead(path, followLinks: false, out var there) && !there.IsSocket)
        {
            throw new StartupException(
                StartupFault.Address, $"{path} is there and is no socket", setting, "remove it, or name another path");
        }

        RequireFile(path, setting, StartupFault.Address);
    }

    /// <summary>Sees that this process could make a file at a path. A directory of /run that is not there yet is taken
    /// for one that the service manager makes at the start (RuntimeDirectory).</summary>
    /// <param name="fault">What it is if it could not.</param>
    /// <exception cref="StartupException">It could not.</exception>
    public static void RequireFile(string path, string setting, StartupFault fault)
    {
        var directory = Path.GetDirectoryName(Path.GetFullPath(path)) ?? "/";
        if (Directory.Exists(directory) || !directory.StartsWith(MadeAtBoot, StringComparison.Ordinal))
            RequireDirectory(directory, setting, fault);
    }

    /// <summary>Sees that this process may make files in a directory.</summary>
    /// <exception cref="StartupException">It may not.</exception>
    public static void RequireDirectory(string directory, string setting, StartupFault fault)
    {
        if (!Directory.Exists(directory))
            throw new StartupException(fault, $"there is no directory {directory}", setting, "make it, or name another");
        if (!OwnProcess.MayWriteIn(directory))
        {
            throw new StartupException(
                fault,
                $"the user of the service may not make files in {directory}",
                setting,
                "chown it to that user, or name another directory");
        }
    }
}
