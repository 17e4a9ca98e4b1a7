using System.Net;
using System.Net.Sockets;
using System.Text;
using Dkim.Core.Stores;
using Microsoft.FSharp.Collections;

namespace Dkim.TableHost;

/// <summary>A service that answers a line with a line; an empty one is "not there".</summary>
/// <param name="port">0 where the host is the path of a Unix socket.</param>
internal sealed class LineStore(string host, int port) : IStore
{
    private const int LongestLine = 65536;

    public async Task<StoreAnswer> AskAsync(FSharpList<string> forms, CancellationToken cancellation)
    {
        using var socket = port == 0
            ? new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified)
            : new Socket(SocketType.Stream, ProtocolType.Tcp);
        EndPoint place = port == 0 ? new UnixDomainSocketEndPoint(host) : new DnsEndPoint(host, port);
        await socket.ConnectAsync(place, cancellation).ConfigureAwait(false);
        await using var stream = new NetworkStream(socket);
        List<StoreRow> rows = [];
        foreach (var form in forms)
        {
            await stream.WriteAsync(Encoding.UTF8.GetBytes(form + "\n"), cancellation).ConfigureAwait(false);
            var line = await ReadLineAsync(stream, cancellation).ConfigureAwait(false);
            if (line.Length > 0)
                rows.Add(new StoreRow(form, ListModule.OfSeq([line])));
        }

        return StoreAnswer.NewRows(ListModule.OfSeq(rows));
    }

    public ValueTask DisposeAsync() => default;

    // Nothing follows a line before the next question.
    private static async Task<string> ReadLineAsync(NetworkStream stream, CancellationToken cancellation)
    {
        var octets = new byte[LongestLine];
        var count = 0;
        while (count == 0 || octets[count - 1] != '\n')
        {
            if (count == octets.Length)
                throw new IOException($"a line of the answer is longer than {LongestLine} octets");
            var more = await stream.ReadAsync(octets.AsMemory(count), cancellation).ConfigureAwait(false);
            if (more == 0)
                throw new IOException("the service has closed the connection");
            count += more;
        }

        return Encoding.UTF8.GetString(octets, 0, count).TrimEnd('\r', '\n');
    }
}
