using System.Net;
using System.Runtime.InteropServices;
using Dkim.Core.Dns;
using Dkim.Core.Programs.Running;
using Dkim.Core.Words;
using Dkim.Hosting.Files;
using Dkim.Hosting.Native;

namespace Dkim.Hosting.Resolving;

/// <summary>libunbound(3) as this program sets it up and asks it.</summary>
internal static unsafe class Unbound
{
    public const int InitFailure = -7;

    public static bool IsInstalled => Libunbound.IsInstalled;

    public static string Version => Marshal.PtrToStringUTF8((nint)Libunbound.ub_version()) ?? "";

    /// <summary>A context with every option in place: none can be set after the first query or local zone.</summary>
    public static nint CreateContext(ResolverSettings settings, IReadOnlyList<IPEndPoint> servers)
    {
        var context = Libunbound.ub_ctx_create();
        if (context == 0)
        {
            throw new StartupException(
                StartupFault.Resolver, "libunbound cannot be set up: not enough memory or entropy");
        }

        try
        {
            // Without a thread of its own the library would fork.
            Check(Libunbound.ub_ctx_async(context, 1), "async");
            foreach (var (option, value) in Options(settings, servers.Count > 0))
            {
                SetOption(context, option, value);
            }

            if (servers.Count > 0)
            {
                // A library from before 1.15 does not have it, and goes on with its names for longer.
                TrySetOption(context, "outbound-msg-retry:", "1");
            }

            if (settings.TrustAnchorFile is { } file)
            {
                AddAnchors(context, file);
            }

            SetServers(context, servers);
            CompleteSetup(context, settings);
            return context;
        }
        catch
        {
            Libunbound.ub_ctx_delete(context);
            throw;
        }
    }

    /// <summary>Starts a query; 0 or an error of the library.</summary>
    public static int Ask(nint context, Question question, nint number)
    {
        fixed (byte* name = Libc.Text(question.Name))
        {
            return Libunbound.ub_resolve_async(
                context, name, (int)question.Type, 1, (void*)number, &UnboundResolver.Answered, null);
        }
    }

    public static int Descriptor(nint context) => Libunbound.ub_fd(context);

    public static int Process(nint context) => Libunbound.ub_process(context);

    public static void Delete(nint context) => Libunbound.ub_ctx_delete(context);

    public static void Free(UnboundResult* result)
    {
        if (result != null)
        {
            Libunbound.ub_resolve_free(result);
        }
    }

    public static string Describe(int error) =>
        error == -4 ? "SERVFAIL" : Marshal.PtrToStringUTF8((nint)Libunbound.ub_strerror(error)) ?? "failure";

    private static IEnumerable<(string, string)> Options(ResolverSettings settings, bool forwards)
    {
        // The defaults lose a quarter of 500 outstanding queries.
        yield return ("outgoing-range:", "4000");

        // It has two connections of TCP by default, and takes one from a question that waits there for the next question.
        yield return ("outgoing-num-tcp:", "200");
        yield return ("num-queries-per-thread:", "2000");
        yield return ("edns-buffer-size:", $"{ResolverLimits.DatagramOctets}");
        yield return ("use-syslog:", "no");
        if (!settings.Caching)
        {
            yield return ("cache-max-ttl:", "0");
            yield return ("cache-max-negative-ttl:", "0");
        }

        if (forwards)
        {
            // The servers are resolvers themselves: often on this machine, and now and then busy for seconds with a
            // name that nobody has asked for lately. Asking them again after a third of a second only makes that worse.
            yield return ("do-not-query-localhost:", "no");
            yield return ("unknown-server-time-limit:", "2500");
            yield return ("infra-cache-min-rtt:", "2500");

            // Names that nobody answers for say nothing of the servers that forward. What the library remembers of them
            // it would hold against the servers: longer and longer waits, and in the end no question but one at a time.
            // Even for a second, which is what 0 means here, it would double the wait with each of hundreds of names.
            // And it would go on with each for half a minute: two packets, and some five seconds, must do
            // (outbound-msg-retry, in CreateContext).
            yield return ("infra-host-ttl:", "-1");
        }
    }

    private static void AddAnchors(nint context, string file)
    {
        try
        {
            PrivateFile.ReadShared(file, PrivateFile.MaxLength);
        }
        catch (FileRefusedException failure)
        {
            throw new StartupException(StartupFault.Resolver, $"trust anchors: {failure.Message}");
        }

        fixed (byte* path = Libc.Text(file))
        {
            Check(Libunbound.ub_ctx_add_ta_file(context, path), $"the trust anchors of {file}");
        }
    }

    private static void SetServers(nint context, IReadOnlyList<IPEndPoint> servers)
    {
        foreach (var forwarder in servers)
        {
            fixed (byte* address = Libc.Text($"{forwarder.Address}@{forwarder.Port}"))
            {
                Check(Libunbound.ub_ctx_set_fwd(context, address), $"forwarder {forwarder}");
            }
        }
    }

    private static void CompleteSetup(nint context, ResolverSettings settings)
    {
        // RFC 6761 lets a resolver answer for .test itself; the servers we are told to ask shall decide. This is also
        // the first call that needs the files given before: bad ones show now, while they may still be read.
        fixed (byte* zone = Libc.Text("test."), kind = Libc.Text("transparent"))
        {
            var what = settings.TrustAnchorFile is { } file ? $"the trust anchors of {file}" : "its settings";
            Check(Libunbound.ub_ctx_zone_add(context, zone, kind), what);
        }
    }

    private static void SetOption(nint context, string option, string value) =>
        Check(TrySetOption(context, option, value), option + value);

    private static int TrySetOption(nint context, string option, string value)
    {
        fixed (byte* name = Libc.Text(option), text = Libc.Text(value))
        {
            return Libunbound.ub_ctx_set_option(context, name, text);
        }
    }

    private static void Check(int error, string what)
    {
        if (error != 0)
        {
            throw new StartupException(StartupFault.Resolver, $"libunbound refuses {what}: {Describe(error)}");
        }
    }
}
