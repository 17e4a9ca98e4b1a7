using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Dkim.Tests.Hosts.Milter;

/// <summary>A milter that asks the MTA for macros at every stage, lets all mail pass, and keeps what it was told.</summary>
internal sealed class MacroListener : IDisposable
{
    /// <summary>The stages in the order in which they come, each by the letter of its command.</summary>
    public const string Stages = "CHMRTNE";

    // Milters name a stage by a number when they ask for macros, and by its command when they get them.
    private const string Numbers = "CHMRTEN";
    private readonly TcpListener listener = new(IPAddress.Loopback, 0);
    private readonly byte[] answer;

    public MacroListener(IReadOnlyList<string> names)
    {
        var wanted = Encoding.ASCII.GetBytes(string.Join(' ', names.Select(Named)) + "\0");
        // Version 6, macros are chosen (0x100), every command is told and answered.
        answer = [0, 0, 0, 6, 0, 0, 1, 0, 0, 0, 0, 0, .. Numbers.SelectMany((_, n) => (byte[])[0, 0, 0, (byte)n, .. wanted])];
        listener.Start();
        _ = AcceptAsync();
    }

    public string Place => $"inet:{((IPEndPoint)listener.LocalEndpoint).Port}@127.0.0.1";

    /// <summary>Stage and macro, and the value that was told.</summary>
    public ConcurrentDictionary<(char Stage, string Name), string> Told { get; } = new();

    public void Dispose() => listener.Dispose();

    private static string Named(string name) => name.Length == 1 ? name : $"{{{name}}}";

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
                _ = ServeAsync(await listener.AcceptTcpClientAsync());
        }
        catch (Exception failure) when (failure is SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        using var _ = client;
        var stream = client.GetStream();
        var length = new byte[4];
        while (await stream.ReadAtLeastAsync(length, 4, throwOnEndOfStream: false) == 4)
        {
            var packet = new byte[BinaryPrimitives.ReadInt32BigEndian(length)];
            await stream.ReadExactlyAsync(packet);
            switch ((char)packet[0])
            {
                case 'Q':
                    return;
                case 'A' or 'K':
                    break;
                case 'D':
                    Keep((char)packet[1], Encoding.Latin1.GetString(packet[2..]).Split('\0'));
                    break;
                case 'O':
                    await SayAsync(stream, [(byte)'O', .. answer]);
                    break;
                default:
                    await SayAsync(stream, "c"u8.ToArray());
                    break;
            }
        }
    }

    private void Keep(char stage, string[] texts)
    {
        for (var index = 0; index + 1 < texts.Length; index += 2)
            Told[(stage, texts[index].Trim('{', '}'))] = texts[index + 1];
    }

    private static async Task SayAsync(NetworkStream stream, byte[] packet)
    {
        var length = new byte[4];
        BinaryPrimitives.WriteInt32BigEndian(length, packet.Length);
        await stream.WriteAsync((byte[])[.. length, .. packet]);
    }
}
