using Dkim.Core.Explaining;
using Dkim.Core.Programs.Filters;
using Dkim.Core.Programs.Running;
using Dkim.Core.Programs.Settings;
using Dkim.Hosting;

namespace Dkim.MilterHost;

/// <summary>
/// From settings to a service, in the order in which the originals did it: into the background, the supervisor, the
/// user, the socket, the pid file, the database. What root alone may read has been read before; the socket is made by the
/// user that the service runs as. A supervisor stays who started it.
/// </summary>
internal static class Launch
{
    /// <summary>Starts, serves until a signal says to stop, and gives the exit code.</summary>
    /// <param name="files">The files of the start.</param>
    /// <param name="handed">What the supervisor has handed to this process, where one has started it.</param>
    public static async Task<int> RunAsync(
        FilterProgram program, SettingsFiles files, Surroundings surroundings, FileHandover? handed)
    {
        try
        {
            return await StartAsync(Latest(program, files), files, surroundings, handed).ConfigureAwait(false);
        }
        catch (StartupException failure)
        {
            StandardStreams.ComplainLine($"{program.Name}: {Needs.Describe(program, failure)}");
            return SysExit.ofFault(failure.Fault);
        }
    }

    // In the place of a filter that had read its files again, with what it had read. They made a program once, and what
    // cannot change while a filter runs is as it was at the start of the first.
    private static FilterProgram Latest(FilterProgram program, SettingsFiles files) =>
        files.TakeLeft() && program.Again() is { IsSome: true } again
            ? files.Supply(again.Value).Again(out _) ?? program
            : program;

    private static async Task<int> StartAsync(
        FilterProgram program, SettingsFiles files, Surroundings surroundings, FileHandover? handed)
    {
        var isCopy = handed is not null;
        var settings = program.Service;
        Daemon? daemon = null;
        if (settings.Background && !isCopy)
        {
            using var toCopy = new FileHandover(files);
            daemon = Daemon.Detach(out var exitCode, toCopy);
            if (daemon is null)
                return exitCode;
        }

        OwnProcess.AllowAllDescriptors();
        using var signals = new Signals();
        var account = Needs.Account(settings);
        var looseKeys = SettingsFiles.Warnings(files.Secrets, account).ToArray();
        var supervises = settings.AutoRestart && !isCopy;
        if (!isCopy)
            Settle(settings, account, supervises);
        await using var log = new ServiceLog(program);
        LimitCoreDumps(program, log);
        if (settings.UMask.IsSome)
            OwnProcess.SetUmask((uint)settings.UMask.Value);
        if (supervises)
            return await SuperviseAsync(program, files, account, surroundings.Clock, log, signals, daemon).ConfigureAwait(false);

        foreach (var warning in looseKeys)
            log.Warning(warning);
        return await Service.RunAsync(program, files, handed, surroundings, log, signals, daemon).ConfigureAwait(false);
    }

    // Copies begin where their supervisor is; whom they are to be they become by themselves.
    private static void Settle(FilterService settings, Account account, bool supervises)
    {
        Needs.EnterDirectory(settings);
        if (!supervises || !OwnProcess.IsRoot)
            Needs.Become(account);
    }

    // A change of user resets it.
    private static void LimitCoreDumps(FilterProgram program, ServiceLog log)
    {
        if (program.Service.EnableCoredumps && !program.HasKeys)
        {
            OwnProcess.AllowCoreDumps();
            return;
        }

        OwnProcess.ForbidCoreDumps();
        if (program.Service.EnableCoredumps)
            log.Warning("EnableCoredumps refused: private keys would be written into core files");
    }

    private static async Task<int> SuperviseAsync(
        FilterProgram program,
        SettingsFiles files,
        Account account,
        TimeProvider clock,
        ServiceLog log,
        Signals signals,
        Daemon? daemon)
    {
        var settings = program.Service;
        (int, TimeSpan)? rate = settings.AutoRestartRate.IsSome
            ? (settings.AutoRestartRate.Value.Item1, TimeSpan.FromSeconds(settings.AutoRestartRate.Value.Item2))
            : null;
        using var handed = new FileHandover(files);
        using var pidFile = WritePidFile(settings, log);
        daemon?.Ready();
        var limits = new RestartLimits(settings.AutoRestartCount, rate);
        var supervisor = new Supervisor(limits, handed, account, clock, log.Error);
        return await supervisor.RunAsync(signals).ConfigureAwait(false) ? 0 : SysExit.Unavailable;
    }

    /// <summary>Writes the process id where the settings say so; that it cannot be written is no reason not to
    /// serve.</summary>
    public static PidFile? WritePidFile(FilterService settings, ServiceLog log)
    {
        if (Optional(settings.PidFile) is not { } path)
            return null;
        try
        {
            return PidFile.Create(path, besideAlive: true);
        }
        catch (StartupException failure)
        {
            log.Error(failure.Message);
            return null;
        }
    }

    public static string? Optional(Microsoft.FSharp.Core.FSharpValueOption<string> value) =>
        value.IsSome ? value.Value : null;
}
