using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Hosting;

/// <summary>A real name server, nsd, with zones made for a test, on a free port of the loopback.</summary>
public sealed class Nsd : IDisposable
{
    private readonly Scratch scratch = new();
    private readonly Process server;

    /// <summary>Starts the server; the test is left out where nsd is missing.</summary>
    /// <param name="zones">Name of each zone without the last dot, and its records. SOA and NS are added.</param>
    /// <param name="sign">Names of zones to sign; their trust anchors are in <see cref="TrustAnchorFile"/>.</param>
    /// <param name="spoil">Changes the text of a signed zone, e.g. to break its signatures.</param>
    /// <param name="at">Where it listens, instead of at a free port.</param>
    public Nsd(
        IReadOnlyDictionary<string, string> zones,
        IReadOnlyCollection<string>? sign = null,
        Func<string, string, string>? spoil = null,
        IPEndPoint? at = null)
    {
        var program = Tools.RequireProgram("nsd", "nsd");
        Address = at ?? new IPEndPoint(IPAddress.Loopback, Tools.FreePort());
        TrustAnchorFile = scratch.Write("anchors", "");
        var configuration = new StringBuilder($"""
            server:
              ip-address: {Address.Address}@{Address.Port}
              username: ""
              zonesdir: "{scratch.Root}"
              database: ""
              pidfile: "{scratch.At("pid")}"
              xfrdfile: "{scratch.At("xfrd")}"
              zonelistfile: "{scratch.At("zones")}"
              server-count: 1
              rrl-ratelimit: 0
            remote-control:
              control-enable: no

            """);
        foreach (var (zone, records) in zones)
        {
            const string Head = "@ 60 IN SOA ns host 1 3600 600 86400 60\n@ 60 IN NS ns\nns 60 IN A 127.0.0.1\n";
            var file = scratch.Write(zone, $"$ORIGIN {zone}.\n$TTL 60\n{Head}{records}\n");
            if (sign?.Contains(zone) == true)
            {
                file = Sign(zone);
                File.WriteAllText(file, spoil?.Invoke(zone, File.ReadAllText(file)) ?? File.ReadAllText(file));
            }

            configuration.Append($"zone:\n  name: \"{zone}\"\n  zonefile: \"{file}\"\n");
        }

        server = Process.Start(new ProcessStartInfo(program, ["-d", "-c", scratch.Write("nsd.conf", configuration.ToString())])
        {
            RedirectStandardError = true,
            RedirectStandardOutput = true,
        })!;
        var said = server.StandardError.ReadToEndAsync();
        WaitUntilItAnswers(said);
    }

    public IPEndPoint Address { get; }

    /// <summary>A file with the DS records of the signed zones.</summary>
    public string TrustAnchorFile { get; }

    /// <summary>A TXT record as zone files write it, in strings of at most 255 octets.</summary>
    public static string Txt(string name, string text) =>
        $"{name} TXT {string.Join(' ', text.Chunk(255).Select(piece => $"\"{new string(piece)}\""))}";

    public void Dispose()
    {
        if (!server.HasExited)
        {
            // Its workers end with it: the first process is their parent and tells them.
            Process.Start("/bin/kill", [server.Id.ToString(System.Globalization.CultureInfo.InvariantCulture)])!.WaitForExit();
            if (!server.WaitForExit(5000))
            {
                server.Kill(entireProcessTree: true);
            }
        }

        server.Dispose();
        scratch.Dispose();
    }

    private string Sign(string zone)
    {
        var keygen = Tools.RequireProgram("ldns-keygen", "ldnsutils");
        var signer = Tools.RequireProgram("ldns-signzone", "ldnsutils");
        var key = Tools.Run(scratch.Root, keygen, "-k", "-a", "ECDSAP256SHA256", zone).Trim();
        Tools.Run(scratch.Root, signer, zone, key);
        File.AppendAllText(TrustAnchorFile, File.ReadAllText(scratch.At($"{key}.ds")));
        return scratch.At($"{zone}.signed");
    }

    private void WaitUntilItAnswers(Task<string> said)
    {
        // A query for the root's name servers: whatever comes back shows that it is up.
        byte[] query = [0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1];
        var watch = Stopwatch.StartNew();
        while (watch.Elapsed.TotalSeconds < 60 && !server.HasExited)
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
            socket.ReceiveTimeout = 200;
            socket.Connect(Address);
            try
            {
                socket.Send(query);
                socket.Receive(new byte[512]);
                return;
            }
            catch (SocketException)
            {
                Thread.Sleep(30);
            }
        }

        var exited = server.HasExited;
        Dispose();
        Assert.Fail($"nsd does not answer: {(exited ? said.Result : "no reply within 60 seconds")}");
    }
}
