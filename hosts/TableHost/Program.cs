using System.Runtime.Versioning;
using Dkim.Core.Programs.Running;
using Dkim.Hosting;
using Dkim.TableHost;

[assembly: SupportedOSPlatform("linux")]

const string Usage = "dkim-tables asks databases and directories for opendkim, which starts it. Usage: dkim-tables [--user USER]";
switch (args)
{
    case ["--version"]:
        return OwnBuild.Print();
    case [] or ["--user", _] when !StandardStreams.IsInputTerminal:
        break;
    default:
        StandardStreams.ComplainLine(Usage);
        return SysExit.Usage;
}

// The end of standard input alone ends it: a filter that is being stopped brings its messages to an end first.
using var signals = new Ignored();
try
{
    if (args is [_, var user])
        Account.Find(user, null).Become();
    OwnProcess.ForbidCoreDumps();
    var clock = TimeProvider.System;
    // Calls of libldap, SQLite and files take a thread while they wait; no store is to wait for those of another.
    ThreadPool.SetMinThreads(64, 64);
    await using var questions = new Questions(clock);
    return await Frames.ServeAsync(questions, clock).ConfigureAwait(false);
}
catch (StartupException failure)
{
    StandardStreams.ComplainLine($"dkim-tables: {failure.Message}");
    return SysExit.ofFault(failure.Fault);
}
