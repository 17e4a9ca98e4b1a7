using System.Buffers.Binary;
using System.Net.Sockets;
using System.Text;

namespace Dkim.Tests.Hosts.Milter;

/// <summary>The part of an MTA, at the simplest: every packet is answered.</summary>
internal sealed class Mta : IDisposable
{
    private const string Finals = "acdrty";
    private readonly Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);

    /// <param name="client">The address of its first client, as the MTA writes it.</param>
    public Mta(string path, string client = "127.0.0.1")
    {
        socket.ReceiveTimeout = 60_000;
        socket.Connect(new UnixDomainSocketEndPoint(path));
        // Version 6, every action, no step left out: so every command has its answer.
        Send('O', [0, 0, 0, 6, 0, 0, 1, 255, 0, 0, 0, 0]);
        Receive();
        Greeting = Greet(client);
    }

    /// <summary>The answer to the connect of the last client.</summary>
    public string Greeting { get; private set; }

    /// <summary>Another client takes the place of the last.</summary>
    public void Change(string client)
    {
        Send('K', []);
        Greeting = Greet(client);
    }

    /// <summary>Sends one message of the client; the packets that answer its end, each a letter and its
    /// text.</summary>
    public IReadOnlyList<string> Pass(string from, string body = "One line.\r\n", params string[] fields) =>
        Pass(from, () => { }, body, fields);

    /// <summary>The same, with something done before the message ends.</summary>
    public IReadOnlyList<string> Pass(string from, Action beforeTheEnd, string body = "One line.\r\n", params string[] fields)
    {
        Say('M', $"<{from}>\0");
        Say('R', "<you@example.net>\0");
        foreach (var field in (string[])[$"From: {from}", "Subject: test", .. fields])
            Say('L', field.Replace(": ", "\0", StringComparison.Ordinal) + "\0");
        Send('D', Encoding.ASCII.GetBytes("Ni\0job1\0j\0mx.example.org\0"));
        if (Say('N', "") is { } early && early[0] != 'c')
            return [early];
        Say('B', body);
        beforeTheEnd();
        Send('E', []);
        var replies = new List<string>();
        do
        {
            replies.Add(Receive());
        }
        while (!Finals.Contains(replies[^1][0], StringComparison.Ordinal));

        return replies;
    }

    public void Dispose() => socket.Dispose();

    // An IPv6 address by the letter of its family; a port of 0.
    private string Greet(string client) =>
        Say('C', $"localhost\0{(client.Contains(':', StringComparison.Ordinal) ? '6' : '4')}\0\0{client}\0");

    private string Say(char command, string data)
    {
        Send(command, Encoding.Latin1.GetBytes(data));
        return Receive();
    }

    private void Send(char command, byte[] data)
    {
        var packet = new byte[5 + data.Length];
        BinaryPrimitives.WriteInt32BigEndian(packet, data.Length + 1);
        packet[4] = (byte)command;
        data.CopyTo(packet, 5);
        socket.Send(packet);
    }

    private string Receive()
    {
        var head = Exactly(4);
        return Encoding.Latin1.GetString(Exactly(BinaryPrimitives.ReadInt32BigEndian(head)));
    }

    private byte[] Exactly(int count)
    {
        var octets = new byte[count];
        for (var have = 0; have < count;)
        {
            var got = socket.Receive(octets.AsSpan(have));
            have += got > 0 ? got : throw new IOException("the filter has closed the connection");
        }

        return octets;
    }
}
