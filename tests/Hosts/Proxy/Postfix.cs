using System.Diagnostics;
using Dkim.Tests.Hosts.Hosting;

namespace Dkim.Tests.Hosts.Proxy;

/// <summary>A real Postfix with configuration, queue and data of its own, on ports of the loopback.</summary>
internal sealed class Postfix : IDisposable
{
    private const string Services = """
        pickup unix n - n 60 1 pickup
        cleanup unix n - n - 0 cleanup
        qmgr unix n - n 300 1 qmgr
        tlsmgr unix - - n 1000? 1 tlsmgr
        rewrite unix - - n - - trivial-rewrite
        bounce unix - - n - 0 bounce
        defer unix - - n - 0 bounce
        trace unix - - n - 0 bounce
        verify unix - - n - 1 verify
        flush unix n - n 1000? 0 flush
        proxymap unix - - n - - proxymap
        smtp unix - - n - - smtp
        error unix - - n - - error
        retry unix - - n - - error
        discard unix - - n - - discard
        anvil unix - - n - 1 anvil
        scache unix - - n - 1 scache
        """;

    private readonly string configuration;
    private readonly string postfix = Tools.RequireProgram("postfix", "postfix");

    /// <param name="services">Lines of master.cf beside the usual ones.</param>
    /// <param name="sink">The port of the loopback where all mail ends.</param>
    /// <param name="settings">Lines of main.cf beside the usual ones, or instead of them.</param>
    public Postfix(Scratch scratch, string services, int sink, string settings = "")
    {
        // Its servers run as another user and must reach their directories.
        File.SetUnixFileMode(scratch.Root, (UnixFileMode)0x1ED);
        configuration = Directory.CreateDirectory(scratch.At("etc")).FullName;
        Directory.CreateDirectory(scratch.At("queue"));
        var data = Directory.CreateDirectory(scratch.At("data")).FullName;
        Tools.Run("/", "/bin/chown", "postfix", data);
        var log = scratch.At("postfix.log");
        scratch.Write("etc/main.cf", $"""
            compatibility_level = 3.6
            queue_directory = {scratch.At("queue")}
            data_directory = {data}
            command_directory = /usr/sbin
            daemon_directory = /usr/lib/postfix/sbin
            mail_owner = postfix
            setgid_group = postdrop
            maillog_file = {log}
            maillog_file_prefixes = {scratch.Root}
            myhostname = mx.example.net
            mydestination =
            mynetworks = 127.0.0.0/8
            inet_interfaces = 127.0.0.1
            inet_protocols = ipv4
            relayhost = [127.0.0.1]:{sink}
            smtpd_relay_restrictions = permit_mynetworks, reject
            smtpd_authorized_xforward_hosts = 127.0.0.0/8
            smtpd_tls_security_level = none
            smtp_tls_security_level = none
            alias_maps =
            local_recipient_maps =

            """.Replace("            ", "") + settings + "\n");
        scratch.Write("etc/master.cf",
            Services.Replace("        ", "") + $"\npostlog unix-dgram n - n - 1 postlogd\n{services}\n");
        Command("start");
    }

    public void Dispose() => Command("stop");

    private void Command(string command)
    {
        using var process = Process.Start(new ProcessStartInfo(postfix, ["-c", configuration, command])
        {
            RedirectStandardError = true,
            RedirectStandardOutput = true,
        })!;
        process.WaitForExit(60_000);
    }
}
