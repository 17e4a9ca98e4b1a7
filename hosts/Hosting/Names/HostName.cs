using System.Net;
using System.Net.Sockets;
using Dkim.Core.Programs.Running;

namespace Dkim.Hosting.Names;

/// <summary>The name of this machine.</summary>
public static class HostName
{
    /// <summary>Fully qualified where the machine knows that; not long is spent on it.</summary>
    public static string Find()
    {
        var name = Dns.GetHostName();
        if (name.Contains('.'))
            return name;
        try
        {
            var asked = Dns.GetHostEntryAsync(name);
            var full = asked.Wait(ServiceLimits.hostName) ? asked.Result.HostName : name;
            return full.Contains('.') ? full : name;
        }
        catch (AggregateException failure) when (failure.InnerException is SocketException)
        {
            return name;
        }
    }
}
