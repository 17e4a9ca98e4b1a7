namespace Dkim.Hosting.Resolving;

/// <summary>Response codes of the DNS as logs name them (RFC 6895 §2.3).</summary>
internal static class Rcode
{
    public static string Name(int rcode) => rcode switch
    {
        1 => "FORMERR",
        2 => "SERVFAIL",
        3 => "NXDOMAIN",
        4 => "NOTIMP",
        5 => "REFUSED",
        _ => $"RCODE{rcode}",
    };
}
