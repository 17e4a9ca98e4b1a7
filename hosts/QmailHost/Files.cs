using System.Net;
using System.Text;
using Dkim.Core.Asking;
using Dkim.Core.Programs.Qmail;
using Dkim.Core.Programs.Settings;
using Dkim.Core.Words;
using Dkim.Hosting;

namespace Dkim.QmailHost;

/// <summary>The small files and names that a decision needs. All paths are octets.</summary>
internal static unsafe class Files
{
    private const int MaxLength = FileContentsModule.SecretLimit;

    public static bool Exists(string path)
    {
        fixed (byte* text = Libc.Octets(path))
        {
            // Only a certain no is one.
            return Libc.access(text, Libc.F_OK) == 0 || Libc.LastError != Libc.ENOENT;
        }
    }

    /// <summary>A private key, as it was found.</summary>
    public static FileContents ReadKey(string path)
    {
        var octets = Read(path, out var error);
        return octets is not null ? FileContents.Found(octets)
            : FileContents.Unreadable(error == Libc.ENOENT ? FileContentsModule.NotFound : Reason(error));
    }

    /// <summary>The name of this host: the file's text, else what the system says.</summary>
    public static string HostName(string path)
    {
        if (Read(path, out _) is { Length: > 0 } octets)
        {
            return Encoding.Latin1.GetString(octets);
        }

        var name = stackalloc byte[256];
        return Libc.gethostname(name, 255) == 0
            ? Encoding.Latin1.GetString(System.Runtime.InteropServices.MemoryMarshal.CreateReadOnlySpanFromNullTerminated(name))
            : "";
    }

    /// <summary>Where keys are looked up.</summary>
    public static IResolver OpenResolver(QmailSettings settings)
    {
        if (settings.TestKeys.IsSome)
        {
            return Read(settings.TestKeys.Value, out var error) is { } octets
                ? KeyFileResolver.Read(Encoding.Latin1.GetString(octets), settings.TestKeys.Value)
                : throw new QueueFault(
                    QmailExit.Configuration, $"DKTESTKEYS: {settings.TestKeys.Value}: {Reason(error)}");
        }

        return Resolvers.Open(new ResolverSettings
        {
            Forwarders = settings.Nameserver.IsSome ? [settings.Nameserver.Value] : [],
            Caching = false,
            Kind = settings.Resolver,
            Time = TimeSpan.FromSeconds(settings.LookupTime),
        });
    }

    private static string Reason(int error) => error == 0
        ? "no file of at most 1 MiB"
        : Libc.Describe(error) + $" (user {Libc.geteuid()}, group {Libc.getegid()})";

    private static byte[]? Read(string path, out int error)
    {
        // Without blocking: a pipe in the place of a file must not stop the mail.
        var fd = Unix.Open(path, Libc.O_RDONLY | Libc.O_NONBLOCK);
        error = fd < 0 ? Libc.LastError : 0;
        if (fd < 0)
        {
            return null;
        }

        var isFile = FileFacts.TryRead(fd, out var facts) && facts.IsRegular && facts.Size <= MaxLength;
        var octets = isFile ? new byte[facts.Size] : null;
        var length = 0;
        while (octets is not null && length < octets.Length)
        {
            fixed (byte* start = octets)
            {
                var count = Libc.read(fd, start + length, (nuint)(octets.Length - length));
                if (count <= 0 && (count == 0 || Libc.LastError != Libc.EINTR))
                {
                    octets = count == 0 ? octets[..length] : null;
                    break;
                }

                length += Math.Max(0, (int)count);
            }
        }

        _ = Libc.close(fd);
        return octets;
    }
}
