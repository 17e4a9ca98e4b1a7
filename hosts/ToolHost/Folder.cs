using System.IO.Enumeration;
using Dkim.Core.MailFiles;
using Dkim.Core.Programs.Tool.Running;
using Dkim.Hosting.Files;

namespace Dkim.ToolHost;

/// <summary>What lies below a folder. Links to folders may lead in circles, and whoever opens a pipe waits for its other end:
/// neither is followed.</summary>
internal static class Folder
{
    public static FolderListing List(string path)
    {
        var files = new List<string>();
        var folders = new List<string>();
        var problems = new List<string>();
        var left = new Stack<string>();
        left.Push(path.Length > 1 ? path.TrimEnd('/') : path);
        while (left.TryPop(out var folder))
        {
            try
            {
                foreach (var (entry, isFolder) in Entries(folder))
                {
                    if (isFolder)
                    {
                        folders.Add(entry);
                        left.Push(entry);
                    }
                    else if (IsFile(entry))
                    {
                        files.Add(entry);
                    }

                    // One folder alone may have more names than memory is meant for.
                    if (files.Count > ToolLimits.FolderFiles)
                    {
                        break;
                    }
                }
            }
            catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
            {
                problems.Add($"{folder}: the folder cannot be read: "
                    + (failure is UnauthorizedAccessException ? "permission denied" : "input or output error"));
            }

            if (files.Count > ToolLimits.FolderFiles)
            {
                problems.Add($"{path}: more than {ToolLimits.FolderFiles} files; the rest is left out: name the folders below it");
                files.RemoveRange(ToolLimits.FolderFiles, files.Count - ToolLimits.FolderFiles);
                break;
            }
        }

        files.Sort(StringComparer.Ordinal);
        return new FolderListing([.. files], [.. folders], [.. problems]);
    }

    private static FileSystemEnumerable<(string Path, bool IsFolder)> Entries(string folder) => new(
        folder,
        (ref FileSystemEntry entry) => (
            entry.ToSpecifiedFullPath(),
            entry.IsDirectory && (entry.Attributes & FileAttributes.ReparsePoint) == 0),
        new EnumerationOptions { AttributesToSkip = FileAttributes.None, IgnoreInaccessible = false });

    private static bool IsFile(string path) => FileFacts.TryRead(path, followLinks: true, out var facts) && facts.IsRegular;
}
