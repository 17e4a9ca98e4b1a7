using System.Runtime.InteropServices;

namespace Dkim.Hosting.Native;

/// <summary>The calls of libunbound(3). Those that give a number give 0, or an error of the library.</summary>
internal static unsafe class Libunbound
{
    private const string Name = "libunbound.so.8";

    /// <summary>Whether the machine has the library.</summary>
    public static bool IsInstalled => NativeLibrary.TryLoad(Name, typeof(Libunbound).Assembly, null, out _);

    /// <summary>The version of the library.</summary>
    [DllImport(Name)]
    public static extern byte* ub_version();

    /// <summary>Makes a context; null where memory or entropy is short.</summary>
    [DllImport(Name)]
    public static extern nint ub_ctx_create();

    /// <summary>Ends a context and every question in it.</summary>
    [DllImport(Name)]
    public static extern void ub_ctx_delete(nint context);

    /// <summary>Chooses a thread (1) or a process (0) for questions that do not wait.</summary>
    [DllImport(Name)]
    public static extern int ub_ctx_async(nint context, int thread);

    /// <summary>Sets an option of unbound.conf(5), whose name ends in a colon.</summary>
    [DllImport(Name)]
    public static extern int ub_ctx_set_option(nint context, byte* name, byte* value);

    /// <summary>Takes the trust anchors of a file of DS or DNSKEY records.</summary>
    [DllImport(Name)]
    public static extern int ub_ctx_add_ta_file(nint context, byte* file);

    /// <summary>Asks a server, ADDRESS@PORT, in place of the root servers; may be called for several.</summary>
    [DllImport(Name)]
    public static extern int ub_ctx_set_fwd(nint context, byte* address);

    /// <summary>Adds a local zone of a type of unbound.conf(5).</summary>
    [DllImport(Name)]
    public static extern int ub_ctx_zone_add(nint context, byte* zone, byte* kind);

    /// <summary>Begins a question, whose result the callback gets.</summary>
    [DllImport(Name)]
    public static extern int ub_resolve_async(
        nint context, byte* name, int type, int @class, void* data,
        delegate* unmanaged[Cdecl]<void*, int, UnboundResult*, void> callback, int* query);

    /// <summary>The descriptor that is readable when there are results.</summary>
    [DllImport(Name)]
    public static extern int ub_fd(nint context);

    /// <summary>Calls back for all results that are there.</summary>
    [DllImport(Name)]
    public static extern int ub_process(nint context);

    /// <summary>Frees a result.</summary>
    [DllImport(Name)]
    public static extern void ub_resolve_free(UnboundResult* result);

    /// <summary>An error of the library in words.</summary>
    [DllImport(Name)]
    public static extern byte* ub_strerror(int error);
}

/// <summary>struct ub_result of unbound.h, up to the last field we read.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct UnboundResult
{
    public byte* Name;
    public int Type;
    public int Class;
    public byte** Data;
    public int* Lengths;
    public byte* CanonicalName;
    public int Rcode;
    public byte* Packet;
    public int PacketLength;
    public int HaveData;
    public int NxDomain;
    public int Secure;
    public int Bogus;
    public byte* WhyBogus;
    public int RateLimited;
    public int TimeToLive;
}
