using System.Net;
using System.Net.Sockets;
using Dkim.Core.Programs.Proxies.Shared;
using Microsoft.FSharp.Core;

namespace Dkim.ProxyHost.Sessions;

/// <summary>The names of clients, as the C library knows them.</summary>
internal static class ClientName
{
    /// <summary>The name of an address; none where it has none, where none is known in time, or, as the settings may
    /// want it, where the name does not lead back to the address.</summary>
    public static async Task<FSharpValueOption<string>> FindAsync(
        IPAddress address, ProxySettings settings, TimeProvider clock)
    {
        try
        {
            var patience = TimeSpan.FromSeconds(settings.Service.DnsTimeout);
            var entry = await Dns.GetHostEntryAsync(address).WaitAsync(patience, clock).ConfigureAwait(false);
            return settings.DoubleReverseLookups && !entry.AddressList.Contains(address)
                ? FSharpValueOption<string>.None
                : FSharpValueOption<string>.NewValueSome(entry.HostName);
        }
        catch (Exception failure) when (failure is SocketException or TimeoutException)
        {
            return FSharpValueOption<string>.None;
        }
    }
}
