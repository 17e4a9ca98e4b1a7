using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Dkim.Core.Programs.Filters.Milter;
using Microsoft.FSharp.Core;

namespace Dkim.MilterHost.Dialogue;

/// <summary>Reads what the MTA says of its client: a name ended by a NUL, a family, a port, an address ended by a NUL;
/// of an unknown client, name and family alone.</summary>
internal static class ClientAddress
{
    private const string V6Tag = "IPv6:";

    /// <summary>The client; null when the data is not of this form.</summary>
    public static MilterClient? Read(ReadOnlySpan<byte> data)
    {
        var end = data.IndexOf((byte)0);
        if (end < 0 || end + 1 >= data.Length)
            return null;
        var name = Encoding.Latin1.GetString(data[..end]);
        var place = data[(end + 2)..];
        return (char)data[end + 1] switch
        {
            'U' or 'L' => new MilterClient(name, FSharpValueOption<IPAddress>.ValueNone),
            '4' => At(name, Read(place, AddressFamily.InterNetwork)),
            '6' => At(name, Read(place, AddressFamily.InterNetworkV6)),
            _ => null,
        };
    }

    // A client without an address would count as this machine itself, so one that cannot be read is no client.
    private static MilterClient? At(string name, IPAddress? address) =>
        address is null ? null : new MilterClient(name, FSharpValueOption<IPAddress>.NewValueSome(address));

    private static IPAddress? Read(ReadOnlySpan<byte> place, AddressFamily family)
    {
        if (place.Length < sizeof(ushort) + 1 || place[^1] != 0)
            return null;
        var text = Encoding.Latin1.GetString(place[sizeof(ushort)..^1]);
        if (text.StartsWith(V6Tag, StringComparison.OrdinalIgnoreCase))
            text = text[V6Tag.Length..];
        if (!IPAddress.TryParse(text, out var address) || address.AddressFamily != family)
            return null;
        return address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
    }
}
