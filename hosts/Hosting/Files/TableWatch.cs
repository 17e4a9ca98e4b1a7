using Dkim.Core.Asking;

namespace Dkim.Hosting.Files;

/// <summary>Notices when files of data sets change. A file that is not as it was at the look before is being written, and is
/// left for the next look, so that half of a file is never used.</summary>
/// <param name="wanted">The files.</param>
/// <param name="read">Those who have read them; what is in force counts there as found.</param>
public sealed class TableWatch(IEnumerable<WantedFile> wanted, SettingsFiles read)
{
    private readonly Watched[] files = [.. wanted.Select(file => new Watched(file, read))];

    /// <summary>Looks once at every file.</summary>
    /// <param name="take">Called where there is news: takes the files that are not those in force, as they are now, and says
    /// whether those that could be read are in force from now on. One that cannot be read is among them once.</param>
    /// <returns>Whether others are in force.</returns>
    public bool Look(Func<IReadOnlyDictionary<WantedFile, FileContents>, bool> take)
    {
        var changed = files.Where(file => file.HasSettled()).ToArray();
        var found = new Dictionary<WantedFile, FileContents>();
        foreach (var file in changed.Where(file => file.IsUntried))
            file.Read(found);
        if (found.Count == 0)
            return false;

        // What was refused may be right beside what has come since.
        foreach (var file in changed.Where(file => file.IsRefused && !found.ContainsKey(file.File)))
            file.Read(found);
        if (!take(found))
            return false;
        foreach (var file in changed.Where(file => found.ContainsKey(file.File)))
            file.Take(found[file.File]);
        return true;
    }

    private sealed class Watched(WantedFile file, SettingsFiles read)
    {
        private FileMark inForce = read.MarkOf(file);
        private FileMark seen = read.MarkOf(file);
        private FileMark tried = read.MarkOf(file);
        private string? problem;

        public WantedFile File => file;

        /// <summary>It has not been read as it is now, or could not be, which may have ended.</summary>
        public bool IsUntried => seen != tried || problem is not null;

        /// <summary>It could be read as it is now, and was refused.</summary>
        public bool IsRefused => seen == tried && problem is null;

        /// <summary>Whether it is another than the one in force, and the same as at the look before.</summary>
        public bool HasSettled()
        {
            var now = FileMark.Of(read.Located(file));
            var isSame = now == seen;
            seen = now;
            if (now == inForce)
                (tried, problem) = (now, null);
            return isSame && now != inForce;
        }

        /// <summary>Reads it, unless it is being written, or cannot be read for a reason that was told.</summary>
        public void Read(Dictionary<WantedFile, FileContents> found)
        {
            var contents = read.Now(file);
            if (FileMark.Of(read.Located(file)) != seen)
                return;
            var reason = contents.Problem.OrNull();
            var isTold = reason is not null && reason == problem && seen == tried;
            (tried, problem) = (seen, reason);
            if (!isTold)
                found[file] = contents;
        }

        public void Take(FileContents contents)
        {
            if (contents.Problem.IsSome)
                return;
            inForce = seen;
            read.Take(file, contents, seen);
        }
    }
}
