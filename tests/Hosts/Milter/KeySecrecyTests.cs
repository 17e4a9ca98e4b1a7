using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using Dkim.Tests.Hosts.Hosting;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Milter;

/// <summary>A key that root alone may read, under UserID and AutoRestart, and another process of that user, which ends
/// the filter again and again and looks into each new copy.</summary>
internal sealed class KeySecrecyTests
{
    private const string User = "nobody";
    private const int Deaths = 12;

    // It tries every descriptor of every process of the filter, by its path and by taking it over, and its memory.
    private const string Attack = """
        import ctypes, os, re, signal, sys, time
        name, socket, deaths = sys.argv[1], sys.argv[2], int(sys.argv[3])
        libc = ctypes.CDLL(None, use_errno=True)
        def filters():
            for pid in filter(str.isdigit, os.listdir("/proc")):
                try:
                    if open(f"/proc/{pid}/comm").read().strip() == name and sys.argv[4] in open(f"/proc/{pid}/cmdline").read():
                        yield int(pid)
                except OSError:
                    pass
        def seen(octets):
            if b"PRIVATE KEY" in octets:
                print("the key is seen", flush=True)
                sys.exit(0)
        def look(pid):
            for fd in range(3, 12):
                try:
                    with open(f"/proc/{pid}/fd/{fd}", "rb", buffering=0) as file:
                        seen(os.pread(file.fileno(), 1 << 20, 0))
                except OSError:
                    pass
            try:
                process = os.pidfd_open(pid)
            except OSError:
                return
            for fd in range(3, 12):
                taken = libc.syscall(438, process, fd, 0)
                if taken >= 0:
                    try:
                        seen(os.pread(taken, 1 << 20, 0))
                    except OSError:
                        pass
                    os.close(taken)
            os.close(process)
            try:
                with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
                    for line in maps:
                        found = re.match("([0-9a-f]+)-([0-9a-f]+) rw", line)
                        if found and int(found[2], 16) - int(found[1], 16) < 1 << 24:
                            memory.seek(int(found[1], 16))
                            seen(memory.read(int(found[2], 16) - int(found[1], 16)))
            except (OSError, ValueError):
                pass
        killed = set()
        end = time.monotonic() + 60
        serving = 0
        while len(killed) < deaths and time.monotonic() < end:
            for pid in filters():
                look(pid)
                if pid not in killed and os.path.exists(socket) and time.monotonic() > serving:
                    try:
                        os.kill(pid, signal.SIGKILL)
                        killed.add(pid)
                        serving = time.monotonic() + 0.3
                    except OSError:
                        pass
        print(f"{len(killed)} killed", flush=True)
        """;

    [Test]
    public void Another_process_of_the_user_never_sees_the_key()
    {
        Tools.RequireRoot();
        var python = Tools.RequireProgram("python3", "python3");
        var setpriv = Tools.RequireProgram("setpriv", "util-linux");
        using var scratch = new Scratch();
        File.SetUnixFileMode(scratch.Root, (UnixFileMode)0x1FF);
        using var key = RSA.Create(2048);
        scratch.Write("mail.private", key.ExportPkcs8PrivateKeyPem(), UnixFileMode.UserRead | UnixFileMode.UserWrite);
        scratch.Write("attack.py", Attack);
        var conf = scratch.Write(
            "conf",
            $"Socket local:{scratch.At("socket")}\nDomain example.org\nSelector mail\nKeyFile {scratch.At("mail.private")}\n"
            + $"UserID {User}\nAutoRestart yes\nPidFile {scratch.At("pid")}\n");
        var run = FilterRun.Of(scratch, "dkim-filter", "-x", conf);
        Assert.That(run.ExitCode, Is.Zero, run.Errors);
        var supervisor = File.ReadAllText(scratch.At("pid")).Trim();
        try
        {
            using var attacker = Process.Start(new ProcessStartInfo(
                setpriv,
                [
                    "--reuid", User, "--regid", "nogroup", "--clear-groups", python, scratch.At("attack.py"), "dkim-filter",
                    scratch.At("socket"), Deaths.ToString(CultureInfo.InvariantCulture), conf,
                ])
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            })!;
            var errors = attacker.StandardError.ReadToEndAsync();
            var said = attacker.StandardOutput.ReadToEnd();
            attacker.WaitForExit();
            Assert.That(said, Is.EqualTo($"{Deaths} killed\n"), errors.Result);
            Assert.That(
                () => Signature(scratch), Does.Contain("DKIM-Signature").After(60_000, 100), "and the filter goes on to sign");
        }
        finally
        {
            Tools.Run("/", "/bin/kill", supervisor);
        }

        Assert.That(() => Directory.Exists("/proc/" + supervisor), Is.False.After(60_000, 50));
    }

    private static string Signature(Scratch scratch)
    {
        try
        {
            using var mta = new Mta(scratch.At("socket"));
            return mta.Pass("me@example.org")[0];
        }
        catch (System.Net.Sockets.SocketException failure)
        {
            return failure.Message;
        }
    }
}
