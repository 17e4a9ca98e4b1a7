using Dkim.Core.Programs.Filters;
using Dkim.Core.Programs.Filters.Settings;
using Dkim.Core.Programs.Running;
using Dkim.Core.Programs.Settings;
using Dkim.Hosting;

namespace Dkim.MilterHost.Running;

/// <summary>Says whether a filter would start (-n): goes the way of a start, as the user it will be, and goes on where
/// a start would end, so that everything that is wrong is told at once. Only the socket is not opened, and nothing is
/// left behind.</summary>
internal sealed class Check
{
    private readonly FilterCheck found;
    private readonly TimeProvider clock;
    private readonly List<string> problems;
    private readonly List<string> warnings = [];
    private readonly StartCheck steps;
    private int exitCode;

    private Check(FilterCheck found, TimeProvider clock)
    {
        this.found = found;
        this.clock = clock;
        problems = [.. found.Problems];
        exitCode = found.ExitCode;
        steps = new StartCheck(Note);
    }

    /// <summary>Checks, prints, and gives the exit code.</summary>
    /// <param name="files">The files of the settings, as they were read.</param>
    public static async Task<int> RunAsync(FilterCheck found, SettingsFiles files, TimeProvider clock)
    {
        var check = new Check(found, clock);
        await check.GoAsync(files).ConfigureAwait(false);
        return check.Tell();
    }

    private async Task GoAsync(SettingsFiles files)
    {
        var settings = found.Program.Service;
        steps.Try(() => Needs.EnterDirectory(settings));
        var before = Account.Current;
        var account = before;
        steps.Try(() => account = ServiceNeeds.FindAccount(settings.Common));
        uint? group = null;
        steps.Try(() => group = Needs.SocketGroup(settings));
        var isKnown = ServiceNeeds.KnowsAccount(settings.Common);
        warnings.AddRange(SettingsFiles.Warnings(files.Secrets, isKnown ? account : null));
        steps.Try(() => ServiceNeeds.Become(settings.Common, account));
        if (Account.Current != before)
            warnings.AddRange(files.Unreadable().Select(reason => $"{reason}; a start can read it, a reload cannot"));
        steps.Try(() =>
        {
            using var resolver = Needs.Resolver(found.Program).Open();
            warnings.AddRange(resolver.Warnings);
        });
        if (!found.Program.Stores.IsEmpty)
            steps.Try(() => StoreProcess.Find());
        if (found.Program.RequiresStores && !found.Program.Stores.IsEmpty)
            steps.Try(() => StoreLookups.Require(null, found.Program.Stores, clock));
        steps.Try(() => Needs.PopLogins(settings, _ => { }));
        if (settings.TemporaryDirectory.OrNull() is { } directory)
            steps.Try(() => FilePlace.RequireDirectory(directory, FilterServiceModule.TemporaryDirectoryRow, StartupFault.Directory));
        if (settings.Socket.IsSome && !Systemd.GivesSockets)
            await SocketSteps.TryAsync(() => Needs.SocketAsync(settings, group)).ConfigureAwait(false);
    }

    // Where an option of the start may name another socket, that of the file need not be to be had.
    private StartCheck SocketSteps => found.Program.ChecksSocket
        ? steps
        : new StartCheck(failure => warnings.Add(Needs.Describe(found.Program, failure)));

    private void Note(StartupException failure)
    {
        problems.Add(Needs.Describe(found.Program, failure));
        if (exitCode == 0)
            exitCode = SysExit.ofFault(failure.Fault);
    }

    private int Tell()
    {
        var code = StandardStreams.Print(string.Concat(found.Program.Rules.Select(rule => rule.Text + "\n")), exitCode);
        foreach (var warning in warnings.Concat(found.Program.Notices.Select(notice => notice.Text)))
            StandardStreams.ComplainLine($"{found.Program.Name}: warning: {warning}");
        foreach (var problem in problems)
            StandardStreams.ComplainLine($"{found.Program.Name}: {problem}");
        return code;
    }
}
