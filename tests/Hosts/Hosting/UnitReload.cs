using System.Diagnostics;
using System.Globalization;

namespace Dkim.Tests.Hosts.Hosting;

/// <summary>What <c>systemctl reload</c> runs last (ExecReload= of the units): packaging/reload, without systemd.</summary>
internal static class UnitReload
{
    /// <summary>Runs it: its exit code, and what it says.</summary>
    /// <param name="process">The service.</param>
    /// <param name="directory">RUNTIME_DIRECTORY, which the service has, too.</param>
    public static (int Code, string Error) Run(int process, string directory)
    {
        var start = new ProcessStartInfo(Script()) { RedirectStandardError = true };
        start.Environment["MAINPID"] = process.ToString(CultureInfo.InvariantCulture);
        start.Environment["RUNTIME_DIRECTORY"] = directory;
        using var reload = Process.Start(start)!;
        var error = reload.StandardError.ReadToEnd();
        reload.WaitForExit();
        return (reload.ExitCode, error);
    }

    private static string Script()
    {
        for (var directory = new DirectoryInfo(AppContext.BaseDirectory); directory is not null; directory = directory.Parent)
        {
            var script = Path.Combine(directory.FullName, "packaging/reload");
            if (File.Exists(script))
                return script;
        }

        throw new FileNotFoundException("packaging/reload");
    }
}
