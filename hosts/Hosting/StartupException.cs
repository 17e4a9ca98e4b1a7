using Dkim.Core.Programs.Running;

namespace Dkim.Hosting;

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
