namespace Dkim.Tests.Hosts.Hosting;

/// <summary>A directory of one test, removed at its end.</summary>
public sealed class Scratch : IDisposable
{
    public string Root { get; } = Directory.CreateTempSubdirectory("hosts-").FullName;

    public string At(string name) => Path.Combine(Root, name);

    public string Write(string name, string text, UnixFileMode? mode = null)
    {
        File.WriteAllText(At(name), text);
        if (mode is { } bits)
        {
            File.SetUnixFileMode(At(name), bits);
        }

        return At(name);
    }

    /// <summary>Lets every user look into it.</summary>
    public void Open() => File.SetUnixFileMode(
        Root,
        UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.GroupRead
            | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute);

    public void Dispose() => Directory.Delete(Root, recursive: true);
}
