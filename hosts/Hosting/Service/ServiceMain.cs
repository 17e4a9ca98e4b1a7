using Dkim.Core.Programs.Running;
using Dkim.Hosting.Files;
using Dkim.Hosting.Listening;
using Dkim.Hosting.Logging;
using Dkim.Hosting.Names;
using Dkim.Hosting.Processes;

namespace Dkim.Hosting.Service;

/// <summary>
/// The way of every daemon, from a command line that was understood to its exit code: detach, signals, account, pid file,
/// listen, resolver, log, ready, serve, reload, stop. What differs between programs stands in their plans; what is theirs
/// alone they do in their own steps. What was opened is closed in the reverse order.
/// </summary>
public sealed class ServiceMain
{
    private readonly IServiceProgram program;
    private readonly ServicePlan plan;
    private readonly Stack<Func<ValueTask>> closings = new();
    private Daemon? daemon;
    private Listener? listener;
    private SwappedResolver? resolver;
    private SwappedLog? log;

    private ServiceMain(IServiceProgram program)
    {
        this.program = program;
        plan = program.Plan;
    }

    /// <summary>Starts, serves until a signal says to stop, and gives the exit code.</summary>
    public static async Task<int> RunAsync(IServiceProgram program)
    {
        try
        {
            return await new ServiceMain(program).RunAsync().ConfigureAwait(false);
        }
        catch (StartupException failure)
        {
            StandardStreams.ComplainLine($"{program.Plan.Name}: {program.Describe(failure)}");
            return program.ExitCodeOf(failure.Fault);
        }
    }

    private async Task<int> RunAsync()
    {
        try
        {
            return await StartAsync().ConfigureAwait(false);
        }
        finally
        {
            while (closings.TryPop(out var close))
                await close().ConfigureAwait(false);
        }
    }

    private async Task<int> StartAsync()
    {
        if (plan is { PidFile: { } path, PidFileUse: PidFileUse.OnlyOne })
            PidFile.RefuseIfAlive(path);
        if (IsLeftTo(out var exitCode))
            return exitCode;
        OwnProcess.AllowAllDescriptors();
        var signals = Closed(new Signals());
        var account = ServiceNeeds.FindAccount(plan.Settings);
        if (plan.Drop == PrivilegesDrop.OnceOpen)
            await OpenAsync(account).ConfigureAwait(false);
        var looseKeys = SettingsFiles.Warnings(plan.Secrets, account).ToArray();
        Drop(account);
        log = Closed(program.OpenLog());
        program.AfterDrop(log);
        if (plan.Supervises)
            return await SuperviseAsync(account, signals).ConfigureAwait(false);
        foreach (var warning in looseKeys)
            log.Warning(warning);
        if (plan.Drop == PrivilegesDrop.BeforeListening)
            await OpenAsync(account).ConfigureAwait(false);
        await ServeAsync(signals).ConfigureAwait(false);
        return 0;
    }

    // True in the process that was started, once its copy is ready or has failed.
    private bool IsLeftTo(out int exitCode)
    {
        exitCode = 0;
        if (!plan.Settings.Background || plan.Handed is not null)
            return false;
        using var files = plan.HandOn is { } read ? new FileHandover(read) : null;
        daemon = Daemon.Detach(out exitCode, files);
        return daemon is null;
    }

    private async Task OpenAsync(Account account)
    {
        if (plan.PidFileUse == PidFileUse.OnlyOne && plan.PidFile is { } path)
            Closed(PidFile.Create(path, account));
        listener = Closed(await ListenAsync().ConfigureAwait(false));
        if (plan.Handed is null)
            NotePid();
        resolver = Closed(new SwappedResolver(program.Resolver.Open(line => log?.Warning(line))));
    }

    private async Task<Listener> ListenAsync()
    {
        if (Systemd.TakeSockets() is { Count: > 0 } passed)
            return Listener.Adopt(passed.Select(given => given.Socket));
        var settings = program.SocketSettings();
        var opened = new List<Listener>();
        foreach (var place in plan.Listen)
            opened.Add(await Listener.OpenAsync(place, settings).ConfigureAwait(false));
        return Listener.Join(opened);
    }

    private void NotePid()
    {
        if (plan.PidFileUse != PidFileUse.ForReaders || plan.PidFile is not { } path)
            return;
        try
        {
            Closed(PidFile.Create(path, besideAlive: true));
        }
        catch (StartupException failure) when (log is not null)
        {
            log.Error(failure.Message);
        }
    }

    // Copies begin where their supervisor is; whom they are to be they become by themselves, which is why the supervisor
    // stays root.
    private void Drop(Account account)
    {
        if (plan.Handed is null)
        {
            program.BeforeDrop(() => daemon?.Ready());
            if (!plan.Supervises || !OwnProcess.IsRoot)
                ServiceNeeds.Become(plan.Settings, account);
        }

        // A change of user resets it.
        if (plan.CoreDumps)
            OwnProcess.AllowCoreDumps();
        else
            OwnProcess.ForbidCoreDumps();
        if (plan.Drop == PrivilegesDrop.OnceOpen)
            daemon?.Ready();
    }

    private async Task<int> SuperviseAsync(Account account, Signals signals)
    {
        using var handed = new FileHandover(plan.HandOn!);
        NotePid();
        daemon?.Ready();
        var supervisor = new Supervisor(plan.Restarts!, handed, account, plan.Clock, log!.Error);
        return await supervisor.RunAsync(signals).ConfigureAwait(false) ? 0 : plan.RestartsFault;
    }

    private async Task ServeAsync(Signals signals)
    {
        var serving = Closed(program.Begin(new ServiceParts(log!, resolver!)));
        daemon?.Ready();
        serving.Announce();
        var place = $"listening at {string.Join(", ", listener!.Addresses)}, DNS by {resolver!.Description}";
        await new ServiceLife(serving, plan, log!).GoAsync(listener, place, signals).ConfigureAwait(false);
        serving.End();
    }

    private T Closed<T>(T part)
    {
        closings.Push(() => part switch
        {
            IAsyncDisposable open => open.DisposeAsync(),
            IDisposable open => Close(open),
            _ => default,
        });
        return part;
    }

    private static ValueTask Close(IDisposable open)
    {
        open.Dispose();
        return default;
    }
}
