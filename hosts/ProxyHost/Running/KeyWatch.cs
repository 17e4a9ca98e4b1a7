using Dkim.Core.Asking;
using Dkim.Core.Programs.Proxies;
using Dkim.Core.Programs.Running;
using Dkim.Core.Programs.Settings;
using Dkim.Core.Words;
using Dkim.Hosting;

namespace Dkim.ProxyHost.Running;

/// <summary>Notices when files that hold secrets change. One that has changed and cannot be used keeps its last content,
/// which is told once for each change.</summary>
internal sealed class KeyWatch
{
    private readonly List<Watched> files = [];
    private readonly SettingsFiles read;
    private ProxyProgram program;
    private readonly Action<LogLine> report;

    /// <param name="program">Whose keys they are.</param>
    /// <param name="read">Those who have read them.</param>
    /// <param name="report">Called with one line when a changed file cannot be used.</param>
    public KeyWatch(ProxyProgram program, SettingsFiles read, Action<LogLine> report)
    {
        this.program = program;
        this.read = read;
        this.report = report;
        Follow(program);
    }

    /// <summary>Watches the keys of another program: those that were read since, beside those that are watched.</summary>
    public void Follow(ProxyProgram next)
    {
        program = next;
        files.RemoveAll(watched => !next.Secrets.Contains(watched.File));
        foreach (var file in next.Secrets.Where(file => read.Found.ContainsKey(file) && !files.Exists(watched => watched.File.Equals(file))))
            files.Add(new Watched(file, read.Located(file), read.Found[file]) { Mark = read.MarkOf(file) });
    }

    /// <summary>Tells of the files that cannot be watched, and looks for no change of them.</summary>
    public void TellUnwatched()
    {
        foreach (var watched in files)
        {
            var now = FileMark.Of(watched.Path);
            if (!now.IsHidden && !now.IsGone)
                continue;
            Report(
                watched.File,
                $"{watched.File.Path}: it cannot be watched by this user, or in this root; a changed key takes a restart");
            watched.Mark = now;
        }
    }

    /// <summary>The last content of every file.</summary>
    public IReadOnlyDictionary<WantedFile, FileContents> Contents =>
        files.ToDictionary(file => file.File, file => file.Content);

    /// <summary>True when there is new content since the last call.</summary>
    public bool Changed()
    {
        var changed = false;
        foreach (var file in files)
            changed |= Look(file);
        return changed;
    }

    private bool Look(Watched file)
    {
        var now = FileMark.Of(file.Path);
        if (now == file.Mark)
            return false;
        file.Mark = now;
        try
        {
            file.Content = FileContents.Found(PrivateFile.Read(file.Path, Strictness.Warn).Octets);
            return true;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            Report(
                file.File,
                now.IsGone
                    ? $"{file.Path}: the file is gone, its last content stays in force"
                    : $"{failure.Message}: the file has changed and cannot be read; the key before it stays in force, a"
                        + " restart uses the new one");
            return false;
        }
    }

    private void Report(WantedFile file, string text) => report(program.OfSecret(file, text));

    private sealed class Watched(WantedFile file, string path, FileContents content)
    {
        public WantedFile File => file;

        public string Path => path;

        public FileContents Content { get; set; } = content;

        public FileMark Mark { get; set; }
    }
}
