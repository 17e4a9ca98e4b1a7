using Dkim.Core.Asking;
using Dkim.Core.Programs.Proxies;
using Dkim.Core.Programs.Running;
using Dkim.Core.Programs.Settings;
using Dkim.Hosting;
using Dkim.ProxyHost.Running;
using Dkim.ProxyHost;

// Continuations of sockets run where the event was noticed: a message then costs no change of threads.
Environment.SetEnvironmentVariable("DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS", "1");

var begin = Choose(OwnProcess.ProgramName, ref args);
if (begin is null)
{
    StandardStreams.ComplainLine(
        "This program is called dkimproxy.out or dkimproxy.in; as dkimproxy its first argument is out or in.");
    return 64;
}

var files = new SettingsFiles();
return files.Run(begin(args)).Run(
    program => ServiceStart.RunAsync(program, files, () => begin(args)).GetAwaiter().GetResult(),
    found => Check.RunAsync(found).GetAwaiter().GetResult());

static Func<string[], Step<ProxyOutcome>>? Choose(string name, ref string[] arguments)
{
    var direction = name[(name.LastIndexOf('.') + 1)..];
    if (direction is not ("out" or "in") && arguments is [var first, ..])
    {
        direction = first;
        arguments = arguments[1..];
    }

    return direction switch
    {
        "out" => Proxies.Out,
        "in" => arguments => Proxies.In(arguments, new Machine(HostName.Find())),
        _ => null,
    };
}
