namespace Dkim.Tests.Hosts.Proxy;

/// <summary>A next hop without sockets.</summary>
internal interface IRelayScript
{
    /// <summary>The connection of this session is over.</summary>
    bool Ended { get; set; }

    /// <summary>Takes what the proxy sent and gives what a relay would answer.</summary>
    string Take(string octets);
}
