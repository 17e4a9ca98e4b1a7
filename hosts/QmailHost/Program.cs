using System.Runtime.CompilerServices;
using System.Runtime.Versioning;
using Dkim.Core.Programs.Qmail;
using Dkim.Core.Programs.Settings;
using Dkim.Core.Signatures;
using Dkim.Hosting;
using Dkim.QmailHost;

[assembly: SupportedOSPlatform("linux")]

if (QmailDk.asksForVersion(args))
{
    return OwnBuild.Print();
}

try
{
    var start = QmailDk.start(StartedAs(), Unix.IsPrivileged, Unix.Variables(QmailDk.variables));
    if (start.Refusal.IsSome)
    {
        return Told.Refuse(start.Refusal.Value);
    }

    Unix.SetVariable(QmailStart.PassageMark, start.NextMark);
    if (start.Note.IsSome)
    {
        Told.Say(start.Note.Value);
    }

    var home = start.Settings.Home.IsSome ? start.Settings.Home.Value : (string)AppContext.GetData("Dkim.QmailHome")!;
    return new Queueing(start, new NextProgram(home), TimeProvider.System).Run();
}
catch (QueueFault fault)
{
    Told.Say(fault.Message);
    return fault.Code;
}
catch (OutOfMemoryException)
{
    Told.Say("out of memory; a limit of softlimit or ulimit may be too low");
    return QmailExit.OutOfMemory;
}
catch (Exception failure)
{
    // Whatever it was, the message was not handed on, and the sender tries again.
    Told.Say("an error of the program: " + failure.Message);
    return QmailExit.Internal;
}

// argv[0]. Under a JIT the runtime's own list begins with the dll instead.
static string StartedAs() => RuntimeFeature.IsDynamicCodeSupported
    ? File.ReadAllText("/proc/self/cmdline").Split('\0')[0]
    : Environment.GetCommandLineArgs()[0];
