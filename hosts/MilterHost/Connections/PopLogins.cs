using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;
using Dkim.Core.Programs.Running;
using Dkim.Hosting;

namespace Dkim.MilterHost.Connections;

/// <summary>
/// A Berkeley DB hash whose keys are IPv4 addresses in text, by Debian's libdb5.3. It is opened anew for each question:
/// the library would not notice what others write meanwhile.
/// </summary>
internal sealed unsafe class PopLogins
{
    private const string Library = "libdb-5.3.so";

    // struct __db of db.h 5.3 where pointers have 64 bits.
    private const int CloseMethod = 568;
    private const int GetMethod = 632;
    private const int OpenMethod = 1008;
    private const int SilenceMethod = 1136;
    private const int Unknown = 5;
    private const uint ReadOnly = 0x400;
    private const uint OwnMemory = 0x800;
    private const uint Partly = 0x40;
    private const int NotFound = -30988;
    private readonly string path;
    private readonly Action<string> report;
    private readonly nint create;
    private readonly Lock gate = new();

    private PopLogins(string path, Action<string> report, nint create)
    {
        this.path = path;
        this.report = report;
        this.create = create;
    }

    /// <summary>Opens the database once, to see that it can be.</summary>
    /// <param name="report">Takes a line for the log when that is no longer so.</param>
    /// <exception cref="StartupException">There is no such library, or it cannot read the file.</exception>
    public static PopLogins Open(string path, Action<string> report)
    {
        if (sizeof(nint) != 8
            || !NativeLibrary.TryLoad(Library, out var library)
            || !NativeLibrary.TryGetExport(library, "db_create", out var create))
        {
            throw new StartupException(
                StartupFault.Database, $"POPDBFile {path} needs {Library}, which is not installed (package libdb5.3)");
        }

        var logins = new PopLogins(path, report, create);
        var status = logins.Ask("", out _);
        return status == 0 ? logins
            : throw new StartupException(
                StartupFault.Database, $"POPDBFile {path} cannot be opened: {Describe(status)}");
    }

    /// <summary>Whether the database has an address. IPv6 addresses are not in it.</summary>
    public bool Has(IPAddress address)
    {
        var plain = address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
        if (plain.AddressFamily != AddressFamily.InterNetwork)
            return false;
        lock (gate)
        {
            var status = Ask(plain.ToString(), out var found);
            if (status != 0)
                report($"POPDBFile {path} cannot be read: {Describe(status)}");
            return found;
        }
    }

    private int Ask(string text, out bool found)
    {
        found = false;
        byte* database;
        var status = ((delegate* unmanaged<byte**, void*, uint, int>)create)(&database, null, 0);
        if (status != 0)
            return status;
        // Else it writes to standard error.
        ((delegate* unmanaged<byte*, void*, void>)Method(database, SilenceMethod))(database, null);
        fixed (byte* name = Encoding.UTF8.GetBytes(path + '\0'))
        {
            var open = (delegate* unmanaged<byte*, void*, byte*, byte*, int, uint, int, int>)Method(database, OpenMethod);
            status = open(database, null, name, null, Unknown, ReadOnly, 0);
        }

        if (status == 0 && text.Length > 0)
            status = Get(database, text, out found);
        ((delegate* unmanaged<byte*, uint, int>)Method(database, CloseMethod))(database, 0);
        return status;
    }

    private static int Get(byte* database, string text, out bool found)
    {
        fixed (byte* octets = Encoding.ASCII.GetBytes(text))
        {
            var key = new Item { Data = octets, Size = (uint)text.Length };
            // No octet of the value is wanted.
            var value = new Item { Flags = OwnMemory | Partly };
            var status = ((delegate* unmanaged<byte*, void*, Item*, Item*, uint, int>)Method(database, GetMethod))(
                database, null, &key, &value, 0);
            found = status == 0;
            return status == NotFound ? 0 : status;
        }
    }

    private static nint Method(byte* database, int offset) => *(nint*)(database + offset);

    private static string Describe(int status) =>
        status > 0 ? Marshal.GetPInvokeErrorMessage(status) : $"Berkeley DB error {status}";

    /// <summary>struct __db_dbt of db.h 5.3.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Item
    {
        public byte* Data;
        public uint Size;
        public uint Length;
        public uint PartLength;
        public uint PartStart;
        public void* Application;
        public uint Flags;
    }
}
