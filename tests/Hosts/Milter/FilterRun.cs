using System.Diagnostics;
using Dkim.Tests.Hosts.Hosting;

namespace Dkim.Tests.Hosts.Milter;

/// <summary>One of the filters, run to its end, or until it has gone into the background.</summary>
internal sealed record FilterRun(int ExitCode, string Output, string Errors)
{
    /// <summary>Runs a program of ours in a directory.</summary>
    public static FilterRun Of(Scratch scratch, string program, params string[] arguments) =>
        With(scratch, program, null, arguments);

    /// <summary>The same with a text on standard input.</summary>
    public static FilterRun With(Scratch scratch, string program, string? input, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(FilterProcess.Path(scratch, program), arguments)
        {
            WorkingDirectory = scratch.Root,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        var errors = process.StandardError.ReadToEndAsync();
        if (input is not null)
            process.StandardInput.Write(input);
        process.StandardInput.Close();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return new FilterRun(process.ExitCode, output, errors.Result);
    }
}
