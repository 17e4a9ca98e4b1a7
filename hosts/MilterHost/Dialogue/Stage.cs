using Dkim.Core.Programs.Filters.Milter;

namespace Dkim.MilterHost.Dialogue;

/// <summary>How far the dialogue of a connection has come.</summary>
internal enum Stage
{
    New,
    Negotiated,
    Connected,
    Envelope,
    Header,
    Body,
}

/// <summary>The order of an MTA's commands.</summary>
internal static class Stages
{
    /// <summary>Whether a command may come at a stage. HELO and MAIL begin again from wherever the client was.</summary>
    public static bool Allows(this Stage stage, Command command) => command switch
    {
        Command.Quit => true,
        Command.Negotiate => stage == Stage.New,
        Command.Macros or Command.Abort or Command.QuitForAnother => stage != Stage.New,
        Command.Connect => stage == Stage.Negotiated,
        Command.Helo or Command.Mail or Command.Unknown => stage >= Stage.Connected,
        Command.Recipient or Command.Data => stage == Stage.Envelope,
        Command.Field or Command.EndOfHeader => stage is Stage.Envelope or Stage.Header,
        Command.Body or Command.EndOfBody => stage == Stage.Body,
        _ => false,
    };

    /// <summary>The stage of the macros that come with a command; null where they are of no interest.</summary>
    public static MacroStage? MacrosOf(Command command) => command switch
    {
        Command.Connect => MacroStage.Connect,
        Command.Helo => MacroStage.Helo,
        Command.Mail => MacroStage.Mail,
        Command.Recipient => MacroStage.Recipient,
        Command.Data => MacroStage.Data,
        Command.EndOfHeader => MacroStage.EndOfHeader,
        Command.EndOfBody => MacroStage.EndOfBody,
        _ => null,
    };
}
