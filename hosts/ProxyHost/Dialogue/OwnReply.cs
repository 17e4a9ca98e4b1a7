using System.Text;
using Dkim.Core.Programs.Proxies.Smtp;

namespace Dkim.ProxyHost.Dialogue;

/// <summary>Replies that the proxy gives itself.</summary>
internal static class OwnReply
{
    /// <summary>One line of RFC 5321 §4.5.3.1.5, whatever the text holds.</summary>
    public static byte[] Line(int code, string text)
    {
        var line = $"{code} {text}";
        var octets = Encoding.UTF8.GetBytes(line.Length > SmtpLimits.OwnReply ? line[..SmtpLimits.OwnReply] : line);
        foreach (ref var octet in octets.AsSpan())
        {
            if (octet is < (byte)' ' or > (byte)'~')
                octet = (byte)'?';
        }

        return [.. octets, .. "\r\n"u8];
    }
}
