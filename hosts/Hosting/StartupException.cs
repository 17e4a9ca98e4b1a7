namespace Dkim.Hosting;

/// <summary>What kept a program from starting; a host maps each to the exit code its users know.</summary>
public enum StartupFault
{
    /// <summary>No such user or group.</summary>
    Account,

    /// <summary>The change of user or group failed, or did not hold.</summary>
    Privileges,

    /// <summary>An address cannot be read, or cannot be listened at.</summary>
    Address,

    /// <summary>The pid file names a live process.</summary>
    AlreadyRunning,

    /// <summary>The pid file cannot be written.</summary>
    PidFile,

    /// <summary>The process could not be started in the background.</summary>
    Daemon,

    /// <summary>The DNS library refuses a setting.</summary>
    Resolver,

    /// <summary>The log file cannot be written.</summary>
    LogFile,

    /// <summary>A directory cannot be entered.</summary>
    Directory,

    /// <summary>A library or a database of the machine cannot be used.</summary>
    Database,
}

/// <summary>A failure at start-up. The message is one line for the administrator: what, where and the remedy.</summary>
public sealed class StartupException(StartupFault fault, string message, string setting = "", string remedy = "")
    : Exception(message)
{
    public StartupFault Fault { get; } = fault;

    /// <summary>The setting whose value cannot be served; empty where none is to blame.</summary>
    public string Setting { get; } = setting;

    /// <summary>What to do, where the message does not say it.</summary>
    public string Remedy { get; } = remedy;

    /// <summary>Does a step of a start for the sake of a setting, which a failure then names.</summary>
    public static T For<T>(string setting, string remedy, Func<T> step)
    {
        try
        {
            return step();
        }
        catch (StartupException failure)
        {
            throw new StartupException(failure.Fault, failure.Message, setting, remedy);
        }
    }

    /// <summary>The same for a step that gives nothing.</summary>
    public static void For(string setting, string remedy, Action step) => For(
        setting,
        remedy,
        () =>
        {
            step();
            return true;
        });
}
