using System.Diagnostics;
using System.Text;
using Dkim.Core.Programs.Running;
using Dkim.Tests.Hosts.Hosting;

namespace Dkim.Tests.Hosts.Tool;

/// <summary>The tools as processes. DKIMTOOL may name another build of the program, e.g. the native one.</summary>
internal static class ToolRun
{
    private static readonly string program =
        Environment.GetEnvironmentVariable("DKIMTOOL") ?? Path.Combine(AppContext.BaseDirectory, "dkim");

    /// <summary>What a run left behind; output is Latin-1.</summary>
    public sealed record Ended(int Code, string Output, string Error);

    /// <summary>Runs it under a name, in the directory of a test, with a text on standard input.</summary>
    public static Ended Run(Scratch scratch, string name, string input, params string[] arguments) =>
        Start(scratch, Link(scratch, name), input, arguments);

    /// <summary>The program under one of its names, in the directory of a test.</summary>
    public static string Link(Scratch scratch, string name)
    {
        var link = scratch.At(name);
        if (!File.Exists(link))
        {
            File.CreateSymbolicLink(link, program);
        }

        return link;
    }

    /// <summary>Runs any program the same way.</summary>
    public static Ended Start(Scratch scratch, string program, string input, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = scratch.Root,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardOutputEncoding = Encoding.Latin1,
            StandardErrorEncoding = Encoding.UTF8,
        };
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync();
        var error = process.StandardError.ReadToEndAsync();
        try
        {
            process.StandardInput.BaseStream.Write(Encoding.Latin1.GetBytes(input));
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // It ended without reading.
        }

        if (!process.WaitForExit(60_000))
        {
            process.Kill(entireProcessTree: true);
        }

        return new Ended(process.ExitCode, output.Result, error.Result);
    }
}
