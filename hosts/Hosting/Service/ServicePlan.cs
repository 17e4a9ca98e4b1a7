using Dkim.Core.Asking;
using Dkim.Core.Programs.Running;
using Dkim.Core.Programs.Settings;
using Dkim.Hosting.Files;
using Dkim.Hosting.Processes;

namespace Dkim.Hosting.Service;

/// <summary>When a daemon becomes the user that it serves as.</summary>
public enum PrivilegesDrop
{
    /// <summary>Before the socket is made, which then is that user's, as filters of libmilter do.</summary>
    BeforeListening,

    /// <summary>Once pid file, socket, resolver and log file are open, as Net::Server and Postfix do.</summary>
    OnceOpen,
}

/// <summary>What the pid file of a daemon is for.</summary>
public enum PidFileUse
{
    /// <summary>Only one may run: where the file names a live process, or cannot be written, there is no start. It is
    /// written before the socket is made, and given to the user that serves.</summary>
    OnlyOne,

    /// <summary>The administrator may look there: it is written once the socket is made, whatever stands there, and a
    /// failure is logged. Under a supervisor it has the supervisor's number.</summary>
    ForReaders,
}

/// <summary>How the start, the reload and the end of a daemon differ from others'.</summary>
/// <param name="Name">What complaints of the start begin with.</param>
/// <param name="Settings">What every service has.</param>
public sealed record ServicePlan(string Name, ServiceSettings Settings)
{
    /// <summary>What rules of time go by.</summary>
    public required TimeProvider Clock { get; init; }

    public required PrivilegesDrop Drop { get; init; }

    public required PidFileUse PidFileUse { get; init; }

    /// <summary>The path of the pid file; null for none.</summary>
    internal string? PidFile => Settings.PidFile.OrNull();

    /// <summary>Where to listen, unless the service manager has opened the sockets.</summary>
    public required IReadOnlyList<Endpoint> Listen { get; init; }

    /// <summary>Files of keys, whose owners and modes are to be warned of.</summary>
    public required IEnumerable<WantedFile> Secrets { get; init; }

    /// <summary>Allow core files, which may hold all that is in memory.</summary>
    public bool CoreDumps { get; init; }

    /// <summary>The files of the start, for the copies of this process; null where each copy reads them itself.</summary>
    public SettingsFiles? HandOn { get; init; }

    /// <summary>What a supervisor has handed to this process; null where none has started it. This process then has become
    /// its user, in its directory.</summary>
    public FileHandover? Handed { get; init; }

    /// <summary>How often to start the service again when it ends by itself; null for never.</summary>
    public RestartLimits? Restarts { get; init; }

    /// <summary>The exit code after too many restarts.</summary>
    public int RestartsFault { get; init; }

    /// <summary>The signals to read the configuration again.</summary>
    public required IReadOnlyList<Signal> ReloadSignals { get; init; }

    /// <summary>Whether this process stays to start the service again, and another serves.</summary>
    public bool Supervises => Restarts is not null && Handed is null;
}
