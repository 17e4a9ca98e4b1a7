using Dkim.Core.Programs.Proxies.Shared;

namespace Dkim.ProxyHost.Dialogue;

/// <summary>Forgets all that it is given.</summary>
internal sealed class NoSink : IDialogueSink
{
    public static readonly NoSink Instance = new();

    public void Command(ReadOnlySpan<byte> line)
    {
    }

    public void Begin()
    {
    }

    public void Text(ReadOnlySpan<byte> octets)
    {
    }

    public void Spoilt(ReadOnlySpan<byte> octets)
    {
    }

    public void Happened(SessionEvent what)
    {
    }
}
