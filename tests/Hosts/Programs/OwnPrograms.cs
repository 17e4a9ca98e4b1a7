using Dkim.Tests.Hosts.Hosting;
using Dkim.Tests.Hosts.Milter;
using Dkim.Tests.Hosts.Proxy;
using Dkim.Tests.Hosts.Qmail;
using Dkim.Tests.Hosts.Tables;
using Dkim.Tests.Hosts.Tool;

namespace Dkim.Tests.Hosts.Programs;

/// <summary>Every program under every name it has.</summary>
internal static class OwnPrograms
{
    public static readonly string[] Names =
    [
        "dkimproxy.out", "dkimproxy.in", "dkim-filter", "dk-filter", "opendkim", "qmail-dk", "dkim", "dkim-genkey",
        "dkim-testkey", "dknewkey", "opendkim-genkey", "opendkim-testkey", "opendkim-genzone", "dkim-tables",
    ];

    /// <summary>The program under its name, in the directory of a test.</summary>
    public static string Link(Scratch scratch, string name)
    {
        switch (name)
        {
            case "dkimproxy.out" or "dkimproxy.in":
                return ProxyProcess.Link(scratch, name);
            case "dkim-filter" or "dk-filter":
                return FilterProcess.Path(scratch, name);
            case "opendkim":
                return FilterProcess.OwnOpenDkim(scratch);
            case "qmail-dk":
                File.CreateSymbolicLink(scratch.At(name), Chain.Program);
                return scratch.At(name);
            case "dkim-tables":
                File.CreateSymbolicLink(scratch.At(name), TableProcess.Program);
                return scratch.At(name);
            default:
                return ToolRun.Link(scratch, name);
        }
    }
}
