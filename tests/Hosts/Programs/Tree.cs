namespace Dkim.Tests.Hosts.Programs;

/// <summary>The sources that these tests were built from.</summary>
internal static class Tree
{
    /// <summary>The folder of Dkim.sln.</summary>
    public static string Root()
    {
        var folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "Dkim.sln")))
        {
            folder = Path.GetDirectoryName(folder) ?? throw new InvalidOperationException("not built in the tree");
        }

        return folder;
    }

    /// <summary>The files of a folder and all below it, without what was built.</summary>
    public static IEnumerable<string> Sources(string folder, string pattern) =>
        Directory.GetFiles(folder, pattern, SearchOption.AllDirectories)
            .Where(file => !file.Contains("/obj/", StringComparison.Ordinal) && !file.Contains("/bin/", StringComparison.Ordinal));
}
