using System.Runtime.InteropServices;

namespace Dkim.Hosting.Native;

/// <summary>A database of LMDB, by the system's liblmdb (lmdb.h), read only. It is opened anew for each
/// question, by one at a time: a process may have a database open only once.</summary>
public static unsafe partial class Lmdb
{
    private const string Library = "liblmdb.so.0";
    private const uint ReadOnly = 0x20000;
    private const uint NoFolder = 0x4000;
    private const int NotFound = -30798;
    private const int BadLength = -30781;
    private static readonly Lock gate = new();

    /// <summary>The value of a key of the unnamed database, or null.</summary>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static byte[]? Get(string path, byte[] key)
    {
        lock (gate)
            return Read(path, key);
    }

    private static byte[]? Read(string path, byte[] key)
    {
        Check(EnvironmentCreate(out var environment));
        try
        {
            Check(EnvironmentOpen(environment, path, ReadOnly | (File.Exists(path) ? NoFolder : 0), 0));
            Check(Begin(environment, 0, ReadOnly, out var transaction));
            try
            {
                Check(Open(transaction, null, 0, out var database));
                fixed (byte* octets = key)
                {
                    var wanted = new Value { Size = (nuint)key.Length, Data = octets };
                    var status = Get(transaction, database, &wanted, out var found);
                    // No key is as long as that.
                    if (status is NotFound or BadLength)
                        return null;
                    Check(status);
                    return new ReadOnlySpan<byte>(found.Data, checked((int)found.Size)).ToArray();
                }
            }
            finally
            {
                Abort(transaction);
            }
        }
        finally
        {
            EnvironmentClose(environment);
        }
    }

    private static void Check(int status)
    {
        if (status != 0)
            throw new IOException(Marshal.PtrToStringUTF8(Describe(status)));
    }

    /// <summary>A handle of an environment (mdb_env_create).</summary>
    [LibraryImport(Library, EntryPoint = "mdb_env_create")]
    private static partial int EnvironmentCreate(out nint environment);

    /// <summary>Opens its files (mdb_env_open).</summary>
    [LibraryImport(Library, EntryPoint = "mdb_env_open", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int EnvironmentOpen(nint environment, string path, uint flags, uint mode);

    /// <summary>Closes it (mdb_env_close).</summary>
    [LibraryImport(Library, EntryPoint = "mdb_env_close")]
    private static partial void EnvironmentClose(nint environment);

    /// <summary>Begins a transaction (mdb_txn_begin).</summary>
    [LibraryImport(Library, EntryPoint = "mdb_txn_begin")]
    private static partial int Begin(nint environment, nint parent, uint flags, out nint transaction);

    /// <summary>Ends it without a change (mdb_txn_abort).</summary>
    [LibraryImport(Library, EntryPoint = "mdb_txn_abort")]
    private static partial void Abort(nint transaction);

    /// <summary>A database of the environment (mdb_dbi_open).</summary>
    [LibraryImport(Library, EntryPoint = "mdb_dbi_open", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(nint transaction, string? name, uint flags, out uint database);

    /// <summary>The value of a key, in memory of the library (mdb_get).</summary>
    [LibraryImport(Library, EntryPoint = "mdb_get")]
    private static partial int Get(nint transaction, uint database, Value* key, out Value value);

    /// <summary>An error in words, which stay the library's (mdb_strerror).</summary>
    [LibraryImport(Library, EntryPoint = "mdb_strerror")]
    private static partial nint Describe(int status);

    /// <summary>MDB_val</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Value
    {
        public nuint Size;
        public byte* Data;
    }
}
