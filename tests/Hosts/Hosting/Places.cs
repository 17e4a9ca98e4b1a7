using System.Net.Sockets;
using Dkim.Core.Programs.Settings;
using Dkim.Hosting;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Hosting;

/// <summary>Endpoints in the tests.</summary>
internal static class Places
{
    /// <summary>The endpoint that a text says.</summary>
    public static Endpoint At(string text)
    {
        var read = EndpointModule.parse(text);
        Assert.That(read.IsOk, () => $"{text}: {read.ErrorValue}");
        return read.ResultValue;
    }

    /// <summary>Connects to the first address that answers. Throws <see cref="SocketException"/> when none does, and
    /// <see cref="OperationCanceledException"/> when the time is over.</summary>
    public static async Task<Socket> ConnectAsync(this Endpoint endpoint, CancellationToken cancellation)
    {
        Exception? last = null;
        foreach (var address in await endpoint.ResolveAsync(cancellation).ConfigureAwait(false))
        {
            var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Unspecified);
            try
            {
                if (!endpoint.IsLocal)
                {
                    socket.NoDelay = true;
                }

                await socket.ConnectAsync(address, cancellation).ConfigureAwait(false);
                return socket;
            }
            catch (SocketException failure)
            {
                last = failure;
                socket.Dispose();
            }
            catch
            {
                socket.Dispose();
                throw;
            }
        }

        throw last ?? new SocketException((int)SocketError.HostNotFound);
    }
}
