using System.Runtime.CompilerServices;
using System.Runtime.Versioning;
using Dkim.Core;
using Dkim.QmailHost;

[assembly: SupportedOSPlatform("linux")]

try
{
    var start = QmailDk.start(StartedAs(), Unix.IsPrivileged, Unix.Variable);
    if (start.ExitCode != 0)
    {
        return start.ExitCode;
    }

    var home = start.Settings.Home.IsSome ? start.Settings.Home.Value : (string)AppContext.GetData("Dkim.QmailHome")!;
    return new Queueing(start, new NextProgram(home)).Run();
}
catch (QueueFault fault)
{
    return fault.Code;
}
catch (OutOfMemoryException)
{
    return QmailExit.OutOfMemory;
}
catch (Exception)
{
    // Whatever it was, the message was not handed on, and the sender tries again.
    return QmailExit.Internal;
}

// argv[0]. Under a JIT the runtime's own list begins with the dll instead.
static string StartedAs() => RuntimeFeature.IsDynamicCodeSupported
    ? File.ReadAllText("/proc/self/cmdline").Split('\0')[0]
    : Environment.GetCommandLineArgs()[0];
