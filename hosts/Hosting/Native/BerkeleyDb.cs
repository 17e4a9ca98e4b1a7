using System.Runtime.InteropServices;
using System.Text;

namespace Dkim.Hosting.Native;

/// <summary>A database of Berkeley DB, hash or B-tree, by Debian's libdb5.3, read only. It is opened anew for each question: the
/// library would not notice what others write meanwhile.</summary>
public static unsafe class BerkeleyDb
{
    /// <summary>The name of the library.</summary>
    public const string Library = "libdb-5.3.so";

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
    private const int LongestValue = 65536;

    private static readonly nint create = FindCreate();

    /// <summary>Whether the library is there.</summary>
    public static bool IsThere => create != 0;

    /// <summary>The value of a key, or null.</summary>
    /// <exception cref="IOException">There is no such library, or it cannot read the file.</exception>
    public static byte[]? Get(string path, byte[] key)
    {
        if (!IsThere)
            throw new IOException($"{Library} is not installed (package libdb5.3)");
        var value = new byte[LongestValue];
        var status = Ask(path, key, value, out var length);
        return status != 0 ? throw new IOException(Describe(status)) : length < 0 ? null : value[..length];
    }

    /// <summary>Whether there is a key; without one only whether the file can be read. 0, or an error of the
    /// library.</summary>
    public static int Has(string path, byte[] key, out bool found)
    {
        var status = Ask(path, key, [], out var length);
        found = length >= 0;
        return status;
    }

    /// <summary>An error of the library in words.</summary>
    public static string Describe(int status) =>
        status > 0 ? Marshal.GetPInvokeErrorMessage(status) : $"Berkeley DB error {status}";

    // The length is negative where there is no such key.
    private static int Ask(string path, byte[] key, byte[] value, out int length)
    {
        length = -1;
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

        if (status == 0 && key.Length > 0)
            status = Read(database, key, value, ref length);
        ((delegate* unmanaged<byte*, uint, int>)Method(database, CloseMethod))(database, 0);
        return status;
    }

    private static int Read(byte* database, byte[] key, byte[] value, ref int length)
    {
        fixed (byte* octets = key)
        fixed (byte* target = value)
        {
            var wanted = new Item { Data = octets, Size = (uint)key.Length };
            // Without room no octet of the value is wanted.
            var found = new Item
            {
                Data = target,
                Length = (uint)value.Length,
                Flags = value.Length == 0 ? OwnMemory | Partly : OwnMemory,
            };
            var status = ((delegate* unmanaged<byte*, void*, Item*, Item*, uint, int>)Method(database, GetMethod))(
                database, null, &wanted, &found, 0);
            length = status == 0 ? (int)found.Size : -1;
            return status == NotFound ? 0 : status;
        }
    }

    private static nint FindCreate() =>
        sizeof(nint) == 8
        && NativeLibrary.TryLoad(Library, out var library)
        && NativeLibrary.TryGetExport(library, "db_create", out var found) ? found : 0;

    private static nint Method(byte* database, int offset) => *(nint*)(database + offset);

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
