using Dkim.Core.Canonicalization;
using Dkim.Core.Dns;
using Dkim.Core.Programs.Filters;
using Dkim.Core.Programs.Filters.Milter;
using Dkim.Core.Programs.Running;
using Dkim.Core.Programs.Settings;
using Dkim.Hosting;
using Dkim.MilterHost.Connections;
using Dkim.MilterHost.Dialogue;

namespace Dkim.MilterHost.Running;

/// <summary>What connections ask of the filter. Another configuration holds from the next message on.</summary>
internal sealed class FilterDuty(
    FilterProgram program, ServiceParts parts, KeyCache keys, StoreLookups stores, PopLogins? logins, ReportSender reports, TimeProvider clock) : IMilterService
{
    private volatile Order order = new(program);

    /// <summary>The configuration in force.</summary>
    public FilterProgram Program => order.Program;

    public TimeProvider Clock => clock;

    public WantedMacros WantedMacros => order.Program.WantedMacros;

    public bool Quarantines => order.Program.Quarantines;

    public bool Redirects => order.Program.Redirects;

    public bool IgnoresSome => order.Program.IgnoresSome;

    /// <summary>Serves under another configuration from now on.</summary>
    /// <exception cref="StartupException">Its source of DNS answers cannot be used; nothing has changed.</exception>
    public void Follow(FilterProgram next)
    {
        stores.Follow(next.Stores);
        parts.Follow(Needs.Resolver(order.Program), Needs.Resolver(next));
        order = new Order(next);
    }

    /// <summary>Serves with other data sets of the same configuration from now on.</summary>
    /// <exception cref="StartupException">Records that take the place of the DNS cannot be used; nothing has changed.</exception>
    public void Renew(FilterProgram next)
    {
        parts.Follow(Needs.Resolver(order.Program), Needs.Resolver(next));
        order = new Order(next);
    }

    public Holdings Holdings { get; } = new(clock);

    public bool SkipsBodies => order.Program.SkipsBodies;

    public bool Ignores(MilterClient client) => order.Program.Ignores(client);

    public MilterMessage NewMessage(MilterClient client) => order.Program.NewMessage(client);

    public MessageNeeds NewNeeds() => new(new MessageLookups(parts.Resolver, order.Budget, clock))
    {
        ReadKey = keys.Read,
        AskStore = stores.AskAsync,
        HasLogin = logins is null ? null : logins.Has,
        TakeReports = reports.Take,
    };

    public void Mail(ReadOnlyMemory<byte> message) => reports.Send(message);

    public void Keep(string prefix, ReadOnlyMemory<byte> octets)
    {
        try
        {
            TemporaryFile.Write(order.TemporaryDirectory, prefix, octets.Span);
        }
        catch (IOException failure)
        {
            parts.Log.Write(LogLineModule.trouble(LogLevel.Error, failure.Message));
        }
    }

    public void Log(LogLine line) => parts.Log.Write(line);

    /// <summary>A configuration and what is made of it.</summary>
    private sealed class Order(FilterProgram program)
    {
        public FilterProgram Program { get; } = program;

        public LookupBudget Budget { get; } = program.Budget;

        public string TemporaryDirectory { get; } = program.Service.TemporaryDirectory.OrNull()
            ?? Environment.GetEnvironmentVariable(program.DirectoryVariable) ?? "/var/tmp";
    }
}
