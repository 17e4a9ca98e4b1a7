using System.Diagnostics;
using System.Globalization;
using Dkim.Core.Stores;
using Dkim.Tests.Hosts.Hosting;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Tables;

/// <summary>A database or directory with the rows of <see cref="EngineTests"/>. A server runs in a scratch folder, on the
/// loopback, as a user without rights.</summary>
internal abstract class Engine : IDisposable
{
    public const string Password = "s3cret-word";
    private Process? server;

    protected Scratch Scratch { get; } = new();

    public int Port { get; } = Tools.FreePort();

    /// <summary>Where another port of the server is that is TLS from its first octet, for engines that have one.</summary>
    protected int TlsPort { get; } = Tools.FreePort();

    /// <summary>With these the server offers TLS, too.</summary>
    public Certificates? Certificates { get; init; }

    /// <summary>Where the rows are, by TLS to a host of this name.</summary>
    public virtual Store Secure(string host) => throw new NotSupportedException();

    /// <summary>Where the rows are.</summary>
    public abstract Store Place { get; }

    /// <summary>The same with a password that is not the right one; null where there is none.</summary>
    public virtual Store? Refused => null;

    /// <summary>The same with a table that is not there; null where there are no tables.</summary>
    public virtual Store? NoTable => null;

    /// <summary>Makes it with its rows, and starts the server where there is one.</summary>
    public abstract void Make(IReadOnlyDictionary<string, string> rows);

    /// <summary>Starts the server again after <see cref="Kill"/>.</summary>
    public virtual void Restart()
    {
    }

    public void Kill()
    {
        Signal("KILL");
        server!.WaitForExit();
        server.Dispose();
        server = null;
    }

    /// <summary>Lets the server and all its processes hang, or go on.</summary>
    public void Hang(bool hangs) => Signal(hangs ? "STOP" : "CONT");

    public void Dispose()
    {
        if (server is { HasExited: false })
        {
            Signal("CONT");
            Kill();
        }

        Scratch.Dispose();
    }

    /// <summary>The folder of the server, which is that of its user.</summary>
    protected string Folder()
    {
        Scratch.Open();
        Directory.CreateDirectory(Scratch.At("data"));
        if (Certificates is not null)
        {
            File.Copy(Certificates.Server, Scratch.At("cert"));
            File.Copy(Certificates.Key, Scratch.At("key"));
            File.SetUnixFileMode(Scratch.At("key"), UnixFileMode.UserRead | UnixFileMode.UserWrite);
        }

        Own();
        return Scratch.At("data");
    }

    /// <summary>Gives all that is in the folder to the user of the server.</summary>
    protected void Own()
    {
        if (Environment.UserName == "root")
            Tools.Run(Scratch.Root, "/bin/chown", "-R", "nobody:nogroup", Scratch.Root);
    }

    protected void Serve(string program, params string[] arguments)
    {
        var (command, all) = AsNobody(program, arguments);
        server = Process.Start(new ProcessStartInfo(command, all)
        {
            WorkingDirectory = Scratch.Root,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        server.OutputDataReceived += (_, _) => { };
        server.BeginOutputReadLine();
        server.ErrorDataReceived += (_, _) => { };
        server.BeginErrorReadLine();
    }

    protected void Run(string program, params string[] arguments)
    {
        var (command, all) = AsNobody(program, arguments);
        Tools.Run(Scratch.Root, command, all);
    }

    /// <summary>Runs a command until it does what it is for: the server is then up.</summary>
    protected void Insist(string program, params string[] arguments)
    {
        var watch = Stopwatch.StartNew();
        while (true)
        {
            using var process = Process.Start(new ProcessStartInfo(program, arguments)
            {
                WorkingDirectory = Scratch.Root,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            })!;
            var error = process.StandardError.ReadToEndAsync();
            process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            if (process.ExitCode == 0)
                return;
            Assert.That(watch.Elapsed.TotalSeconds, Is.LessThan(90), error.Result);
            Thread.Sleep(200);
        }
    }

    private static (string Program, string[] Arguments) AsNobody(string program, string[] arguments) =>
        Environment.UserName != "root"
            ? (program, arguments)
            : (Tools.RequireProgram("setpriv", "util-linux"), ["--reuid", "nobody", "--regid", "nogroup", "--clear-groups", "--", program, .. arguments]);

    private void Signal(string signal)
    {
        foreach (var process in Tree(server!.Id))
        {
            using var kill = Process.Start(new ProcessStartInfo("/bin/kill", ["-" + signal, process]) { RedirectStandardError = true })!;
            kill.WaitForExit();
        }
    }

    private static IEnumerable<string> Tree(int process)
    {
        var children = Directory.Exists($"/proc/{process}/task")
            ? Directory.GetDirectories($"/proc/{process}/task").SelectMany(Children).ToArray()
            : [];
        return [process.ToString(CultureInfo.InvariantCulture), .. children.SelectMany(child => Tree(int.Parse(child, CultureInfo.InvariantCulture)))];
    }

    private static string[] Children(string task)
    {
        try
        {
            return File.ReadAllText(task + "/children").Split(' ', StringSplitOptions.RemoveEmptyEntries);
        }
        catch (IOException)
        {
            return [];
        }
    }
}
