using Dkim.Core.Programs.Running;
using Dkim.Core.Programs.Tool;
using Dkim.Hosting;
using Dkim.ToolHost;

using var machine = new ToolMachine();
try
{
    var action = DkimTool.start(OwnProcess.ProgramName, args, TimeProvider.System.UnixSeconds());
    while (action.ExitCode.IsNone)
    {
        action = action.Do(machine);
    }

    machine.Flush();
    return action.ExitCode.Value;
}
catch (StartupException failure)
{
    StandardStreams.ComplainLine("dkim: " + failure.Message);
    return SysExit.Unavailable;
}
catch (IOException failure)
{
    return StandardStreams.Failed("dkim", failure);
}
