using System.Net;
using System.Net.Sockets;
using System.Text;
using Dkim.Core.Programs.Running;
using Dkim.Hosting;

namespace Dkim.MilterHost.Connections;

/// <summary>A Berkeley DB hash whose keys are IPv4 addresses in text.</summary>
internal sealed class PopLogins
{
    private readonly string path;
    private readonly Action<string> report;
    private readonly Lock gate = new();

    private PopLogins(string path, Action<string> report)
    {
        this.path = path;
        this.report = report;
    }

    /// <summary>Opens the database once, to see that it can be.</summary>
    /// <param name="report">Takes a line for the log when that is no longer so.</param>
    /// <exception cref="StartupException">There is no such library, or it cannot read the file.</exception>
    public static PopLogins Open(string path, Action<string> report)
    {
        if (!BerkeleyDb.IsThere)
        {
            throw new StartupException(
                StartupFault.Database,
                $"POPDBFile {path} needs {BerkeleyDb.Library}, which is not installed (package libdb5.3)");
        }

        var status = BerkeleyDb.Has(path, [], out _);
        return status == 0 ? new PopLogins(path, report)
            : throw new StartupException(
                StartupFault.Database, $"POPDBFile {path} cannot be opened: {BerkeleyDb.Describe(status)}");
    }

    /// <summary>Whether the database has an address. IPv6 addresses are not in it.</summary>
    public bool Has(IPAddress address)
    {
        var plain = address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
        if (plain.AddressFamily != AddressFamily.InterNetwork)
            return false;
        lock (gate)
        {
            var status = BerkeleyDb.Has(path, Encoding.ASCII.GetBytes(plain.ToString()), out var found);
            if (status != 0)
                report($"POPDBFile {path} cannot be read: {BerkeleyDb.Describe(status)}");
            return found;
        }
    }
}
