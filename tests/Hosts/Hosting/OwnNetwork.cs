namespace Dkim.Tests.Hosts.Hosting;

/// <summary>A network that has a loopback and nothing else, with a name server at port 53 of 127.0.0.1 and another at
/// 127.0.0.2, and a resolv.conf of its own. Each tells of <c>key.inner.test</c> where it was found.</summary>
internal sealed class OwnNetwork : IDisposable
{
    private static readonly string[] addresses = ["127.0.0.1", "127.0.0.2"];
    private readonly Scratch scratch = new();
    private readonly string unshare;
    private readonly string nsd;
    private readonly string resolvConf;

    /// <param name="servers">The text of resolv.conf.</param>
    /// <param name="records">More lines of the zone <c>inner.test</c>, of the server at an address.</param>
    public OwnNetwork(string servers, Func<string, string>? records = null)
    {
        Tools.RequireRoot();
        unshare = Tools.RequireProgram("unshare", "util-linux");
        nsd = Tools.RequireProgram("nsd", "nsd");
        Tools.RequireProgram("ip", "iproute2");
        resolvConf = scratch.Write("resolv.conf", servers);
        foreach (var address in addresses)
        {
            Configure(address, records?.Invoke(address) ?? "");
        }
    }

    /// <summary>Runs lines of shell there; what they print.</summary>
    public string Run(string lines)
    {
        var starts = string.Concat(addresses.Select(address => $"""
            {nsd} -d -c {scratch.At($"nsd-{address}")} 2>/dev/null & servers="$servers $!"
            for i in $(seq 300); do [ -s {scratch.At($"pid-{address}")} ] && break; sleep 0.1; done

            """));
        var script = scratch.Write("script", $"""
            ip link set lo up && mount --bind {resolvConf} /etc/resolv.conf || exit 1
            {starts}
            {lines}
            kill $servers && wait

            """);
        return Tools.Run("/", unshare, "-m", "-n", "/bin/sh", script);
    }

    public void Dispose() => scratch.Dispose();

    private void Configure(string address, string records)
    {
        var zone = scratch.Write($"zone-{address}", $"""
            $ORIGIN inner.test.
            $TTL 60
            @ IN SOA a b 1 2 3 4 5
            @ IN NS a
            a IN A 127.0.0.1
            key IN TXT "found at {address}"
            {records}

            """);
        scratch.Write($"nsd-{address}", $"""
            server:
              ip-address: {address}@53
              username: ""
              database: ""
              pidfile: "{scratch.At($"pid-{address}")}"
              xfrdfile: "{scratch.At($"xfrd-{address}")}"
              zonelistfile: "{scratch.At($"zones-{address}")}"
            remote-control:
              control-enable: no
            zone:
              name: "inner.test"
              zonefile: "{zone}"

            """);
    }
}
