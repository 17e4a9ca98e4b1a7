using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Dkim.Core.Programs.Running;
using Dkim.Tests.Hosts.Hosting;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Milter;

/// <summary>Sendmail of Debian's packages sendmail-bin, sendmail-base and sendmail-cf, unpacked into a folder because they
/// cannot be installed beside Postfix: ./test puts them into out/sendmail, SENDMAIL_ROOT may name another place. It has a
/// mount and a host name space of its own, or it would wait for the machine's DNS at each start.</summary>
internal sealed class SendmailServer : IMailServer
{
    private readonly Scratch scratch;
    private readonly Process daemon;

    public SendmailServer(Scratch scratch, int sink, Entrance[] entrances)
    {
        this.scratch = scratch;
        var root = RequireSendmail();
        var m4 = Tools.RequireProgram("m4", "m4");
        File.SetUnixFileMode(scratch.Root, (UnixFileMode)0x1ED);
        var queue = Directory.CreateDirectory(scratch.At("sendmail-queue")).FullName;
        File.SetUnixFileMode(queue, (UnixFileMode)0x1C0);
        scratch.Write("switch", "hosts files\naliases files\n");
        scratch.Write("resolv.conf", "nameserver 127.0.0.1\n");
        scratch.Write("hosts", "127.0.0.1 localhost mx.example.net\n");
        scratch.Write("sendmail.mc", Macros(root, queue, scratch.At("switch"), sink, entrances));
        File.WriteAllText(scratch.At("sendmail.cf"), Tools.Run(scratch.Root, m4, scratch.At("sendmail.mc")));
        scratch.Write("submit.mc", SubmissionMacros(root, entrances[0].Port));
        File.WriteAllText(scratch.At("submit.cf"), Tools.Run(scratch.Root, m4, scratch.At("submit.mc")));
        daemon = Start("-C", scratch.At("sendmail.cf"), "-bD");
        WaitUntilItAnswers(entrances[^1].Port);
    }

    private const string Program = "usr/libexec/sendmail/sendmail";
    private const string SubmissionUser = "mail";

    public int Held => Directory.EnumerateFiles(scratch.At("sendmail-queue"), "hf*").Count();

    /// <summary>Submits a message as local programs do, by the sendmail command, which hands it to the daemon at the first
    /// entrance.</summary>
    public void Submit(string text)
    {
        // Before it is anything else it becomes the user that the queue of its own belongs to, and must not be root.
        var queue = Directory.CreateDirectory(scratch.At("submission-queue")).FullName;
        Tools.Run("/", "/bin/chown", $"{SubmissionUser}:{SubmissionUser}", queue);
        File.SetUnixFileMode(queue, (UnixFileMode)0x1F8);
        using var command = Start("-Ac", "-C", scratch.At("submit.cf"), "-i", "-t");
        var errors = command.StandardError.ReadToEndAsync();
        command.StandardInput.Write(text.Replace("\r\n", "\n", StringComparison.Ordinal));
        command.StandardInput.Close();
        var output = command.StandardOutput.ReadToEnd();
        command.WaitForExit();
        Assert.That(command.ExitCode, Is.Zero, output + errors.Result);
    }

    /// <summary>Submits a message as programs do that speak SMTP to the sendmail command itself: there is no client with an
    /// address then.</summary>
    public void SubmitBySmtp(string text)
    {
        using var command = Start("-C", scratch.At("sendmail.cf"), "-bs");
        string[] said =
            ["", "EHLO localhost", "MAIL FROM:<joe@example.org>", "RCPT TO:<b@example.com>", "DATA", text + ".", "QUIT"];
        foreach (var line in said)
        {
            // The greeting comes unasked, and nothing may come before it.
            if (line.Length > 0)
                command.StandardInput.Write(line + "\r\n");
            command.StandardInput.Flush();
            string? reply;
            do
            {
                reply = command.StandardOutput.ReadLine();
            }
            while (reply is [_, _, _, '-', ..]);
            Assert.That(reply, Does.StartWith("2").Or.StartWith("354"), line);
        }

        command.WaitForExit();
    }

    public void Dispose()
    {
        if (!daemon.HasExited)
        {
            Process.Start("/bin/kill", [daemon.Id.ToString(CultureInfo.InvariantCulture)])!.WaitForExit();
            if (!daemon.WaitForExit(10_000))
            {
                daemon.Kill(entireProcessTree: true);
            }
        }

        daemon.Dispose();
    }

    private Process Start(params string[] arguments)
    {
        const string Alone = """
            mount --bind resolv.conf /etc/resolv.conf && mount --bind hosts /etc/hosts && hostname mx.example.net && exec "$@"
            """;
        var program = Path.Combine(RequireSendmail(), Program);
        return Process.Start(new ProcessStartInfo(
            Tools.RequireProgram("unshare", "util-linux"),
            ["--mount", "--uts", "sh", "-c", Alone, "sh", program, .. arguments])
        {
            WorkingDirectory = scratch.Root,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
    }

    private static string RequireSendmail()
    {
        if (Environment.GetEnvironmentVariable("SENDMAIL_ROOT") is { Length: > 0 } named)
        {
            return named;
        }

        for (var directory = new DirectoryInfo(AppContext.BaseDirectory); directory is not null; directory = directory.Parent)
        {
            var root = Path.Combine(directory.FullName, "out/sendmail");
            if (File.Exists(Path.Combine(root, Program)))
            {
                return root;
            }
        }

        Assert.Ignore("left out: Sendmail is not unpacked into out/sendmail; ./test does it");
        return "";
    }

    private string SubmissionMacros(string root, int port) => $"""
        divert(-1)
        define(`_USE_ETC_MAIL_')
        include(`{root}/usr/share/sendmail/cf/m4/cf.m4')
        divert(0)dnl
        OSTYPE(`linux')dnl
        define(`confDOMAIN_NAME', `mx.example.net')dnl
        define(`confRUN_AS_USER', `{SubmissionUser}:{SubmissionUser}')dnl
        define(`confSERVICE_SWITCH_FILE', `{scratch.At("switch")}')dnl
        define(`MSP_QUEUE_DIR', `{scratch.At("submission-queue")}')dnl
        define(`confQUEUE_LA', `1000')dnl
        define(`STATUS_FILE', `')dnl
        define(`confPID_FILE', `{scratch.At("submission.pid")}')dnl
        define(`RELAY_MAILER_ARGS', `TCP $h {port}')dnl
        FEATURE(`nocanonify')dnl
        FEATURE(`msp', `[127.0.0.1]')dnl

        """.Replace("        ", "", StringComparison.Ordinal);

    private static string Macros(string root, string queue, string serviceSwitch, int sink, Entrance[] entrances)
    {
        var text = $"""
            divert(-1)
            define(`_USE_ETC_MAIL_')
            include(`{root}/usr/share/sendmail/cf/m4/cf.m4')
            divert(0)dnl
            OSTYPE(`linux')dnl
            define(`confDOMAIN_NAME', `mx.example.net')dnl
            define(`SMART_HOST', `relay:[127.0.0.1]')dnl
            define(`RELAY_MAILER_ARGS', `TCP $h {sink}')dnl
            define(`QUEUE_DIR', `{queue}')dnl
            define(`confPID_FILE', `sendmail.pid')dnl
            define(`confSERVICE_SWITCH_FILE', `{serviceSwitch}')dnl
            define(`STATUS_FILE', `')dnl
            define(`HELP_FILE', `')dnl
            undefine(`ALIAS_FILE')dnl
            define(`confCW_FILE', `-o none')dnl
            define(`confCT_FILE', `-o none')dnl
            define(`confDONT_PROBE_INTERFACES', `True')dnl
            define(`confTO_IDENT', `0')dnl
            define(`confMAX_DAEMON_CHILDREN', `0')dnl
            define(`confCONNECTION_RATE_THROTTLE', `0')dnl
            define(`confQUEUE_LA', `1000')dnl
            define(`confREFUSE_LA', `1000')dnl
            FEATURE(`nocanonify')dnl
            FEATURE(`accept_unresolvable_domains')dnl
            FEATURE(`accept_unqualified_senders')dnl
            FEATURE(`relay_entire_domain')dnl
            FEATURE(`promiscuous_relay')dnl
            FEATURE(`no_default_msa')dnl

            """.Replace("            ", "", StringComparison.Ordinal);
        foreach (var (entrance, number) in entrances.Select((entrance, number) => (entrance, number)))
        {
            var filters = entrance.Milters.Select((milter, place) => (Milter: milter, Name: $"milter{number}{(place == 0 ? "" : "b")}"));
            foreach (var filter in filters)
                text += $"MAIL_FILTER(`{filter.Name}', `S={filter.Milter}, F=T, T=C:1m;S:30s;R:30s;E:2m')dnl\n";
            text += $"DAEMON_OPTIONS(`Addr=127.0.0.1, Port={entrance.Port}, Name=MTA{number}, "
                + $"InputMailFilters={string.Join(';', filters.Select(filter => filter.Name))}')dnl\n";
        }

        // What does not come by one of the daemon's entrances.
        return text + "define(`confINPUT_MAIL_FILTERS', `milter0')dnl\nMAILER(`smtp')dnl\n";
    }

    private void WaitUntilItAnswers(int port)
    {
        for (var count = 0; count < 1200 && !daemon.HasExited; count++)
        {
            try
            {
                using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
                socket.Connect(IPAddress.Loopback, port);
                return;
            }
            catch (SocketException)
            {
                Thread.Sleep(50);
            }
        }

        var ended = daemon.HasExited;
        Dispose();
        Assert.Fail($"Sendmail does not answer{(ended ? "; it has ended" : "")}");
    }
}
