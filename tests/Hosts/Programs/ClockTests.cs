using System.Text.RegularExpressions;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Programs;

/// <summary>Rules of time go by the clock that they were given. What reads the machine's is banned (hosts/BannedSymbols.txt)
/// but for what this table has.</summary>
public sealed partial class ClockTests
{
    private const string Default = "the default of settings that others may give";
    private const string Program = "a program begins here, and hands its clock on";
    private const string Others = "it waits for other processes, which no test can move";

    private static readonly Dictionary<string, string> known = new()
    {
        ["Hosting/Clock.cs"] = "it asks the machine's clock in the cheapest way for who was given that one",
        ["Hosting/Listening/Listener.cs"] = Default,
        ["Hosting/Listening/LocalSocket.cs"] = Others,
        ["Hosting/Logging/Log.cs"] = Default,
        ["Hosting/Names/MessageLookups.cs"] = Default,
        ["Hosting/Resolving/ResolverSettings.cs"] = Default,
        ["Hosting/Resolving/UnboundResolver.cs"] = "a pause where a library has failed, lest a thread spin",
        ["Hosting/Service/Daemon.cs"] = Others,
        ["Hosting/Service/Systemd.cs"] = "the service manager counts by the machine's",
        ["MilterHost/Program.cs"] = Program,
        ["ProxyHost/Sessions/Relaying.cs"] = Default,
        ["ProxyHost/Running/ServiceStart.cs"] = Program,
        ["ProxyHost/Sessions/Session.cs"] = "CancelAfter of a source that was made with the clock",
        ["QmailHost/Program.cs"] = Program,
        ["TableHost/Program.cs"] = Program,
        ["ToolHost/Demo/DemoCommand.cs"] = "the demonstration measures",
        ["ToolHost/Demo/DemoProcess.cs"] = Others,
        ["ToolHost/Demo/Mailbox.cs"] = Others,
        ["ToolHost/OtherProgram.cs"] = Others,
        ["ToolHost/Program.cs"] = Program,
        ["ToolHost/ToolMachine.cs"] = Program,
    };

    [Test]
    public void No_rule_of_a_host_reads_the_clock_of_the_machine()
    {
        var hosts = Path.Combine(Tree.Root(), "hosts");
        var found = Tree.Sources(hosts, "*.cs").Where(file => Machines().IsMatch(File.ReadAllText(file)));
        Assert.That(
            found.Select(file => Path.GetRelativePath(hosts, file)),
            Is.EquivalentTo(known.Keys),
            "take a TimeProvider, or say in this table why not");
    }

    [Test]
    public void Nothing_of_the_core_reads_a_clock() =>
        Assert.That(Tree.Sources(Path.Combine(Tree.Root(), "Dkim.Core"), "*.fs").Where(file => Clocks().IsMatch(File.ReadAllText(file))), Is.Empty);

    [GeneratedRegex(@"TimeProvider\.System|warning disable RS0030")]
    private static partial Regex Machines();

    [GeneratedRegex(@"\bDateTime(Offset)?\.(UtcNow|Now|Today)\b|\bTickCount|\bStopwatch\b|\bTimeProvider\b|\bAsync\.Sleep\b|\bTask\.Delay\b")]
    private static partial Regex Clocks();
}
