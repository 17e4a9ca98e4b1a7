using System.Runtime.InteropServices;
using System.Text;

namespace Dkim.Hosting.Native;

/// <summary>A connection to a directory by the system's libldap (ldap.h), for one thread at a time. No call takes longer
/// than its time. System.DirectoryServices.Protocols stands on the same library, and has no ldapi, no SASL PLAIN and no limit
/// for a bind.</summary>
public sealed unsafe partial class Libldap : IDisposable
{
    private const string Library = "libldap";
    private const int ProtocolVersion = 0x11;
    private const int Referrals = 0x08;
    private const int TimeOption = 0x5002;
    private const int NetworkTimeOption = 0x5005;
    private const int KeepaliveIdle = 0x6300;
    private const int KeepaliveProbes = 0x6301;
    private const int KeepaliveInterval = 0x6302;
    private const int NoSuchObject = 32;
    // Its names in Debian 12 and from Debian 13 on.
    private static readonly string[] names = ["libldap-2.5.so.0", "libldap.so.2"];
    private nint handle;
    private Time time;

    static Libldap() => NativeLibrary.SetDllImportResolver(typeof(Libldap).Assembly, (name, _, _) =>
        name == Library ? names.Select(Load).FirstOrDefault(library => library != 0) : 0);

    /// <exception cref="LdapFault">The URL is none.</exception>
    public Libldap(string url, TimeSpan timeout)
    {
        Check(Initialize(out handle, url));
        time = new Time { Seconds = (nint)timeout.TotalSeconds, Microseconds = timeout.Microseconds + (timeout.Milliseconds * 1000) };
        var version = 3;
        _ = SetOption(handle, ProtocolVersion, &version);
        _ = SetOption(handle, Referrals, null);
        fixed (Time* limit = &time)
        {
            _ = SetOption(handle, TimeOption, limit);
            _ = SetOption(handle, NetworkTimeOption, limit);
        }
    }

    /// <summary>Says when a quiet connection is tried: after so many seconds, then after each interval, so often; 0 leaves it to
    /// the system. To be said before the first call that connects.</summary>
    public void Keep(int idle, int interval, int probes)
    {
        foreach (var (option, value) in new[] { (KeepaliveIdle, idle), (KeepaliveInterval, interval), (KeepaliveProbes, probes) })
        {
            var number = value;
            if (number > 0)
                _ = SetOption(handle, option, &number);
        }
    }

    private static nint Load(string name) => NativeLibrary.TryLoad(name, out var library) ? library : 0;

    /// <summary>Goes on by TLS.</summary>
    /// <exception cref="LdapFault">The server does not, or proves itself badly.</exception>
    public void StartTls() => Check(StartTls(handle, 0, 0));

    /// <summary>Says who asks.</summary>
    /// <param name="name">Of a simple bind; null for none.</param>
    /// <param name="mechanism">Of SASL; null for a simple bind.</param>
    /// <exception cref="LdapFault">The server cannot be reached, or refuses.</exception>
    public void Bind(string? name, string? mechanism, string credentials)
    {
        var octets = Encoding.UTF8.GetBytes(credentials + '\0');
        fixed (byte* start = octets)
        {
            var value = new Octets { Length = (nuint)octets.Length - 1, Data = start };
            Check(Bind(handle, name, mechanism, &value, 0, 0, 0));
        }
    }

    /// <summary>The entries that a search finds, each with the values of these attributes.</summary>
    /// <param name="scope">0 base, 1 one level, 2 subtree.</param>
    /// <exception cref="LdapFault">The server cannot be reached, or refuses.</exception>
    public Dictionary<string, string[]>[] Search(string root, int scope, string filter, IReadOnlyCollection<string> attributes)
    {
        nint message = 0;
        try
        {
            fixed (Time* limit = &time)
            {
                var status = Search(handle, root, scope, filter, [.. attributes, null], 0, 0, 0, limit, 0, out message);
                // Where the base has the text that is looked for.
                if (status == NoSuchObject)
                    return [];
                Check(status);
            }

            List<Dictionary<string, string[]>> entries = [];
            for (var entry = FirstEntry(handle, message); entry != 0; entry = NextEntry(handle, entry))
                entries.Add(attributes.ToDictionary(name => name, name => Values(entry, name)));
            return [.. entries];
        }
        finally
        {
            if (message != 0)
                _ = FreeMessage(message);
        }
    }

    public void Dispose()
    {
        if (handle != 0)
            _ = Unbind(handle, 0, 0);
        handle = 0;
    }

    private string[] Values(nint entry, string name)
    {
        var values = GetValues(handle, entry, name);
        if (values is null)
            return [];
        List<string> texts = [];
        for (var at = values; *at is not null; at++)
            texts.Add(Encoding.UTF8.GetString((*at)->Data, checked((int)(*at)->Length)));
        FreeValues(values);
        return [.. texts];
    }

    private static void Check(int status)
    {
        if (status != 0)
            throw new LdapFault(status, Marshal.PtrToStringUTF8(Describe(status)) ?? "");
    }

    /// <summary>A handle of a URL; no connection is made yet (ldap_initialize(3)).</summary>
    [LibraryImport(Library, EntryPoint = "ldap_initialize", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Initialize(out nint handle, string url);

    /// <summary>Sets an option of a handle (ldap_set_option(3)).</summary>
    [LibraryImport(Library, EntryPoint = "ldap_set_option")]
    private static partial int SetOption(nint handle, int option, void* value);

    /// <summary>Begins TLS on a connection (ldap_start_tls_s(3)).</summary>
    [LibraryImport(Library, EntryPoint = "ldap_start_tls_s")]
    private static partial int StartTls(nint handle, nint serverControls, nint clientControls);

    /// <summary>Says who asks, by a password or by SASL, and waits (ldap_sasl_bind_s(3)).</summary>
    [LibraryImport(Library, EntryPoint = "ldap_sasl_bind_s", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Bind(
        nint handle, string? name, string? mechanism, Octets* credentials, nint serverControls, nint clientControls, nint answer);

    /// <summary>Searches and waits for all entries (ldap_search_ext_s(3)).</summary>
    [LibraryImport(Library, EntryPoint = "ldap_search_ext_s", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Search(
        nint handle, string root, int scope, string filter, string?[] attributes, int onlyNames, nint serverControls,
        nint clientControls, Time* limit, int most, out nint message);

    /// <summary>The first entry of an answer, or 0 (ldap_first_entry(3)).</summary>
    [LibraryImport(Library, EntryPoint = "ldap_first_entry")]
    private static partial nint FirstEntry(nint handle, nint message);

    /// <summary>The entry after another, or 0 (ldap_next_entry(3)).</summary>
    [LibraryImport(Library, EntryPoint = "ldap_next_entry")]
    private static partial nint NextEntry(nint handle, nint entry);

    /// <summary>The values of an attribute, up to a null pointer; null for none (ldap_get_values_len(3)).</summary>
    [LibraryImport(Library, EntryPoint = "ldap_get_values_len", StringMarshalling = StringMarshalling.Utf8)]
    private static partial Octets** GetValues(nint handle, nint entry, string name);

    /// <summary>Gives values back (ldap_value_free_len(3)).</summary>
    [LibraryImport(Library, EntryPoint = "ldap_value_free_len")]
    private static partial void FreeValues(Octets** values);

    /// <summary>Gives an answer back (ldap_msgfree(3)).</summary>
    [LibraryImport(Library, EntryPoint = "ldap_msgfree")]
    private static partial int FreeMessage(nint message);

    /// <summary>Ends a connection and gives its handle back (ldap_unbind_ext_s(3)).</summary>
    [LibraryImport(Library, EntryPoint = "ldap_unbind_ext_s")]
    private static partial int Unbind(nint handle, nint serverControls, nint clientControls);

    /// <summary>An error in words, which stay the library's (ldap_err2string(3)).</summary>
    [LibraryImport(Library, EntryPoint = "ldap_err2string")]
    private static partial nint Describe(int status);

    /// <summary>struct berval</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Octets
    {
        public nuint Length;
        public byte* Data;
    }

    /// <summary>struct timeval</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Time
    {
        public nint Seconds;
        public nint Microseconds;
    }
}

/// <summary>An error of libldap.</summary>
/// <param name="status">Its number in ldap.h.</param>
public sealed class LdapFault(int status, string message) : IOException(message)
{
    /// <summary>Whether the server has gone or does not answer, so that another may.</summary>
    public bool IsGone { get; } = status is -1 or -5 or -11 or 51 or 52;
}
