using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Dkim.Tests.Hosts.Hosting;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Proxy;

/// <summary>Exim of Debian's packages exim4-daemon-light and exim4-base, unpacked into a folder because they cannot be
/// installed beside Postfix: ./test puts them into out/exim, EXIM_ROOT may name another place. It takes mail at a port of
/// the loopback and sends all of it on to another, PRDR switched on for both, as Debian's configuration has it.</summary>
internal sealed class EximServer : IDisposable
{
    private const string Program = "usr/sbin/exim4";
    private readonly Scratch scratch;
    private readonly string name;
    private readonly Process daemon;

    /// <param name="name">Of this server among those of a test.</param>
    /// <param name="route">Lines of the router: where to, by domain.</param>
    public EximServer(Scratch scratch, string name, string route)
    {
        this.scratch = scratch;
        this.name = name;
        var root = RequireExim();
        File.SetUnixFileMode(scratch.Root, (UnixFileMode)0x1ED);
        var spool = Directory.CreateDirectory(scratch.At(name)).FullName;
        Tools.Run("/", "/bin/chown", "mail:mail", spool);
        // The user that its program is compiled for is not on this machine.
        scratch.Write("passwd", File.ReadAllText("/etc/passwd") + "Debian-exim:x:8:8::/nonexistent:/usr/sbin/nologin\n");
        scratch.Write("group", File.ReadAllText("/etc/group") + "Debian-exim:x:8:\n");
        scratch.Write($"{name}.conf", $"""
            exim_path = {root}/{Program}
            spool_directory = {spool}
            log_file_path = {spool}/%slog
            pid_file_path = {spool}/pid
            primary_hostname = {name}.example.net
            keep_environment =
            add_environment = PATH=/bin:/usr/bin : LD_LIBRARY_PATH={Libraries(root)}
            daemon_smtp_ports = {Port}
            local_interfaces = 127.0.0.1
            tls_advertise_hosts =
            prdr_enable = true
            rfc1413_query_timeout = 0s
            host_lookup =
            dkim_verify_signers =
            queue_run_max = 1
            deliver_drop_privilege
            acl_smtp_rcpt = accept
            acl_smtp_data_prdr = accept
            begin routers
            all:
              driver = manualroute
              route_list = {route}
              transport = on
              self = send
            begin transports
            on:
              driver = smtp
              hosts_try_prdr = *
              hosts_try_fastopen =
              allow_localhost
            begin retry
            * * F,1h,2s

            """.Replace("            ", "", StringComparison.Ordinal));
        const string Alone = """
            mount --bind passwd /etc/passwd && mount --bind group /etc/group && exec env LD_LIBRARY_PATH="$0" "$@"
            """;
        daemon = Process.Start(new ProcessStartInfo(
            Tools.RequireProgram("unshare", "util-linux"),
            ["--mount", "sh", "-c", Alone, Libraries(root), $"{root}/{Program}", "-C", scratch.At($"{name}.conf"), "-bdf", "-q2s"])
        {
            WorkingDirectory = scratch.Root,
            RedirectStandardError = true,
        })!;
        WaitUntilItAnswers();
    }

    public int Port { get; } = Tools.FreePort();

    /// <summary>Its main log so far.</summary>
    public string Log => File.Exists(scratch.At($"{name}/mainlog")) ? File.ReadAllText(scratch.At($"{name}/mainlog")) : "";

    /// <summary>The folder with the program; ignores the test where there is none.</summary>
    public static string RequireExim()
    {
        if (Environment.GetEnvironmentVariable("EXIM_ROOT") is { Length: > 0 } named)
            return named;
        for (var directory = new DirectoryInfo(AppContext.BaseDirectory); directory is not null; directory = directory.Parent)
        {
            var root = Path.Combine(directory.FullName, "out/exim");
            if (File.Exists(Path.Combine(root, Program)))
                return root;
        }

        Assert.Ignore("left out: Exim is not unpacked into out/exim; ./test does it");
        return "";
    }

    public void Dispose()
    {
        if (!daemon.HasExited)
        {
            Tools.Run("/", "/bin/kill", daemon.Id.ToString(System.Globalization.CultureInfo.InvariantCulture));
            if (!daemon.WaitForExit(10_000))
                daemon.Kill(entireProcessTree: true);
        }

        daemon.Dispose();
    }

    private static string Libraries(string root) =>
        Directory.EnumerateDirectories($"{root}/usr/lib", "*-linux-gnu").FirstOrDefault() ?? $"{root}/usr/lib";

    private void WaitUntilItAnswers()
    {
        for (var count = 0; count < 1200 && !daemon.HasExited; count++)
        {
            try
            {
                using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
                socket.Connect(IPAddress.Loopback, Port);
                return;
            }
            catch (SocketException)
            {
                Thread.Sleep(50);
            }
        }

        var why = daemon.HasExited ? daemon.StandardError.ReadToEnd() : "";
        Dispose();
        Assert.Fail($"Exim does not answer: {why}");
    }
}
