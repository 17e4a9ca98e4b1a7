using Dkim.Core.Programs.Filters;
using Dkim.Core.Programs.Filters.Settings;
using Dkim.Core.Programs.Running;
using Dkim.Core.Programs.Settings;
using Dkim.Core.Stores;
using Dkim.Hosting;
using Dkim.MilterHost.Connections;
using Dkim.MilterHost.Running;
using Dkim.MilterHost;

// Continuations of sockets run where the event was noticed: a message then costs no change of threads.
Environment.SetEnvironmentVariable("DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS", "1");

bool isCopy;
try
{
    isCopy = Supervisor.TakeIsCopy();
}
catch (StartupException failure)
{
    StandardStreams.ComplainLine($"{OwnProcess.ProgramName}: {failure.Message}");
    return SysExit.ofFault(failure.Fault);
}

var handed = FileHandover.Take();
var files = handed?.Files ?? new SettingsFiles();
if (!isCopy)
    handed?.Dispose();
var clock = TimeProvider.System;
var keys = new KeyCache();
files.ReadKey = keys.Read;
using var stores = new StoreLookups(null, clock, StandardStreams.ComplainLine);
files.AskStores = needs => stores.Ask(needs, StoreRules.defaults);
var machine = new FilterMachine(
    OwnProcess.ProgramName, HostName.Find(), Environment.UserName, Systemd.GivesSockets || Systemd.IsReload);
var start = OwnProcess.ProgramName switch
{
    "dkim-filter" => Filters.Dkim(args, machine),
    "dk-filter" => Filters.Dk(args, machine),
    "opendkim" => Filters.OpenDkim(args, machine),
    _ => null,
};
if (start is null)
{
    StandardStreams.ComplainLine("This program is called dkim-filter, dk-filter or opendkim.");
    return 64;
}

return files.Run(start).Run(
    program => ServiceStart.RunAsync(program, files, keys, clock, isCopy ? handed : null).GetAwaiter().GetResult(),
    (program, file) => TestMode.RunAsync(program, file, keys, stores, clock).GetAwaiter().GetResult(),
    found => Check.RunAsync(found, files, clock).GetAwaiter().GetResult());
