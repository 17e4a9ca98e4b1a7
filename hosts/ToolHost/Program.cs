using Dkim.Core;
using Dkim.Hosting;
using Dkim.ToolHost;

using var machine = new ToolMachine();
try
{
    var action = DkimTool.start(OwnProcess.ProgramName, args, DateTimeOffset.UtcNow.ToUnixTimeSeconds());
    while (action.ExitCode.IsNone)
    {
        action = action.Do(machine);
    }

    machine.Flush();
    return action.ExitCode.Value;
}
catch (StartupException failure)
{
    machine.Complain("dkim: " + failure.Message);
    return DkimTool.NoService;
}
catch (IOException failure)
{
    await Console.Error.WriteLineAsync("dkim: " + failure.Message);
    return DkimTool.InputOutput;
}
