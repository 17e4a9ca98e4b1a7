using System.Net;
using Dkim.Core.Programs.Filters;
using Dkim.Core.Programs.Filters.Deciding;
using Dkim.Core.Programs.Filters.Settings;
using Dkim.Core.Programs.Running;
using Dkim.Core.Programs.Settings;
using Dkim.Hosting;

namespace Dkim.MilterHost.Connections;

/// <summary>What the core gets from the machine. Some of it is there only once the service has begun.</summary>
internal sealed class Surroundings
{
    /// <param name="clock">What all the filter's rules of time go by.</param>
    public Surroundings(TimeProvider clock)
    {
        Clock = clock;
        Machine = new FilterMachine(
            OwnProcess.ProgramName,
            HostName.Find(),
            Environment.UserName,
            address => PopLogins?.Has(address) ?? false,
            () => Reports?.MayTake() ?? false,
            Systemd.GivesSockets || Systemd.IsReload);
    }

    public TimeProvider Clock { get; }

    public FilterMachine Machine { get; }

    /// <summary>The database of POP logins, where there is one.</summary>
    public PopLogins? PopLogins { get; set; }

    /// <summary>Where reports go.</summary>
    public ReportSender? Reports { get; set; }
}
