using System.Net.Sockets;
using Dkim.Core.Programs.Proxies;
using Dkim.Core.Programs.Proxies.Shared;
using Dkim.Core.Programs.Running;
using Dkim.Core.Programs.Settings;
using Dkim.Hosting;

namespace Dkim.ProxyHost.Running;

/// <summary>Says whether a proxy would start (--check): goes the way of a start, as the user it will be, and goes on
/// where a start would end, so that everything that is wrong is told at once. Only no socket is opened, and nothing is
/// left behind.</summary>
internal sealed class Check
{
    private readonly ProxyCheck found;
    private readonly List<Problem> problems = [];
    private readonly List<string> warnings = [];

    private readonly StartCheck steps;

    private Check(ProxyCheck found)
    {
        this.found = found;
        steps = new StartCheck(failure => problems.Add(found.Fault(failure.Setting, failure.Message, failure.Remedy)));
    }

    /// <summary>Checks, prints, and gives the exit code.</summary>
    public static async Task<int> RunAsync(ProxyCheck found)
    {
        var check = new Check(found);
        await check.GoAsync().ConfigureAwait(false);
        return StandardStreams.Print(
            found.Report(check.problems, check.warnings), found.ExitCode(check.problems.Count));
    }

    private async Task GoAsync()
    {
        var settings = found.Settings;
        var account = Account.Current;
        steps.Try(() => account = ServiceNeeds.FindAccount(settings.Service));
        if (settings.Service.PidFile.OrNull() is { } pidFile)
            steps.Try(() => FilePlace.RequireFile(pidFile, settings.Service.Names.PidFile, StartupFault.PidFile));
        if (!Systemd.GivesSockets && !Systemd.IsReload)
        {
            foreach (var place in found.Listen)
                await steps.TryAsync(() => place.RequireOwnAsync(ProxySettingsModule.ListenRow)).ConfigureAwait(false);
        }

        if (found.Relay.IsSome)
            await LookForRelayAsync(found.Relay.Value).ConfigureAwait(false);
        steps.Try(() =>
        {
            // It is asked nothing.
            using var resolver = ServiceNeeds.Resolver(settings.Service, 0).Open(warnings.Add);
            warnings.AddRange(resolver.Warnings);
        });
        if (!found.Stores.IsEmpty)
            steps.Try(() => StoreProcess.Find());
        var isKnown = ServiceNeeds.KnowsAccount(settings.Service);
        warnings.AddRange(SettingsFiles.Warnings(found.Secrets, isKnown ? account : null));
        if (Needs.LogPath(settings) is { } log && !File.Exists(log))
            steps.Try(() => FilePlace.RequireFile(log, ProxySettingsModule.LogFileRow, StartupFault.LogFile));
        string? root = null;
        steps.Try(() => root = Needs.Root(settings));
        steps.Try(() => ServiceNeeds.Become(settings.Service, account));
        steps.Try(() => Needs.Spool(settings, root ?? ""));
    }

    // A start does not look for it: it may come later.
    private async Task LookForRelayAsync(Endpoint relay)
    {
        try
        {
            await relay.ResolveAsync(CancellationToken.None).ConfigureAwait(false);
        }
        catch (SocketException failure)
        {
            warnings.Add($"relay {relay}: {failure.Message}");
        }
    }
}
