using Dkim.Core;
using Dkim.Hosting;
using Dkim.ToolHost;

using var machine = new ToolMachine();
var action = DkimTool.start(OwnProcess.ProgramName, args, DateTimeOffset.UtcNow.ToUnixTimeSeconds());
while (action.ExitCode.IsNone)
{
    action = action.Do(machine);
}

machine.Flush();
return action.ExitCode.Value;
