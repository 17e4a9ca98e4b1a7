using System.ComponentModel;
using System.Diagnostics;
using System.Text;
using Dkim.Core.Asking;
using Dkim.Core.Programs.Settings;
using Dkim.Core.Programs.Tool.Running;

namespace Dkim.ToolHost;

/// <summary>A program of the system that is asked for something, with bounds on its time and on what it says.</summary>
internal static class OtherProgram
{
    /// <summary>What it prints, or why there is nothing of it.</summary>
    public static FileContents Run(string name, string[] arguments)
    {
        var path = Find(name);
        if (path is null)
        {
            return FileContents.Unreadable($"there is no program {name}");
        }

        try
        {
            return RunAsync(path, arguments).GetAwaiter().GetResult();
        }
        catch (Exception failure) when (failure is Win32Exception or IOException)
        {
            return FileContents.Unreadable($"{path} cannot be started");
        }
    }

    private static async Task<FileContents> RunAsync(string path, string[] arguments)
    {
        var start = new ProcessStartInfo(path, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var process = Process.Start(start) ?? throw new IOException(path);
        using var time = new CancellationTokenSource(ToolLimits.otherProgram, TimeProvider.System);
        try
        {
            process.StandardInput.Close();
            var complaint = ReadAsync(process.StandardError.BaseStream, time.Token);
            var output = await ReadAsync(process.StandardOutput.BaseStream, time.Token);
            if (output is null || await complaint is not { } said)
            {
                return FileContents.Unreadable($"it says more than {ToolLimits.OtherOutput >> 20} MiB");
            }

            await process.WaitForExitAsync(time.Token);
            return process.ExitCode == 0
                ? FileContents.Found(output)
                : FileContents.Unreadable($"exit code {process.ExitCode}: {LastLine(said)}");
        }
        catch (OperationCanceledException)
        {
            return FileContents.Unreadable($"no end after {ToolLimits.otherProgram.TotalSeconds} seconds");
        }
        finally
        {
            if (!process.HasExited)
            {
                process.Kill(entireProcessTree: true);
            }
        }
    }

    /// <summary>All of a stream; nothing where it is too long.</summary>
    private static async Task<byte[]?> ReadAsync(Stream stream, CancellationToken cancellation)
    {
        using var all = new MemoryStream();
        var buffer = new byte[65536];
        for (; ; )
        {
            var count = await stream.ReadAsync(buffer, cancellation);
            if (count == 0)
            {
                return all.ToArray();
            }

            all.Write(buffer, 0, count);
            if (all.Length > ToolLimits.OtherOutput)
            {
                return null;
            }
        }
    }

    private static string LastLine(byte[] said)
    {
        var line = Encoding.UTF8.GetString(said).TrimEnd().Split('\n')[^1];
        return line.Length > ToolLimits.Complaint ? line[..ToolLimits.Complaint] + "..." : line;
    }

    // Who is no superuser seldom has the directories of system programs in PATH.
    private static string? Find(string name)
    {
        var directories = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':');
        return directories.Where(Path.IsPathRooted)
            .Concat(["/usr/sbin", "/usr/local/sbin", "/usr/bin"])
            .Select(directory => Path.Combine(directory, name))
            .FirstOrDefault(File.Exists);
    }
}
