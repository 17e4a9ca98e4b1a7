using Dkim.Core.Asking;
using Dkim.Core.Dns;
using Dkim.Core.Programs.Filters;
using Dkim.Core.Programs.Running;
using Dkim.Core.Programs.Settings;
using Dkim.Hosting;
using Dkim.MilterHost.Connections;

namespace Dkim.MilterHost.Running;

/// <summary>Handles one message of a file and prints what comes of it.</summary>
internal static class TestMode
{
    private const string StandardInput = "-";

    private const int Longest = FileContentsModule.MessageLimit;

    /// <summary>Handles the message and gives the exit code.</summary>
    public static async Task<int> RunAsync(
        FilterProgram program, string file, KeyCache keys, StoreLookups stores, TimeProvider clock)
    {
        var shown = file == StandardInput ? "(stdin)" : file;
        try
        {
            var message = await ReadAsync(file).ConfigureAwait(false);
            Needs.EnterDirectory(program.Service);
            using var resolver = Needs.Resolver(program).Open();
            stores.Follow(program.Stores);
            using var run = program.NewTest(shown);
            run.Begin(message, clock.UnixSeconds());
            var needs = new MessageNeeds(new MessageLookups(resolver, program.Budget, clock))
            {
                ReadKey = keys.Read,
                AskStore = stores.AskAsync,
            };
            while (run.Needs is { IsEmpty: false } wanted)
                run.Go(await needs.FindAsync(wanted).ConfigureAwait(false));
            run.Finish();
            StandardStreams.Complain(run.Errors);
            return StandardStreams.Print(run.Output, run.ExitCode);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            StandardStreams.ComplainLine($"{program.Name}: {shown}: {Reason(file, failure)}");
            return SysExit.Unavailable;
        }
        catch (StartupException failure)
        {
            StandardStreams.ComplainLine($"{program.Name}: {Needs.Describe(program, failure)}");
            return SysExit.ofFault(failure.Fault);
        }
    }

    // In place of the runtime's own sentences, which name the path again.
    private static string Reason(string file, Exception failure) => failure switch
    {
        FileNotFoundException or DirectoryNotFoundException => "there is no such file",
        UnauthorizedAccessException when Directory.Exists(file) => "a directory, no message",
        UnauthorizedAccessException => "permission denied; it is read as the user who runs the program",
        _ => failure.Message,
    };

    private static async Task<ReadOnlyMemory<byte>> ReadAsync(string file)
    {
        await using var input = file == StandardInput ? StandardStreams.OpenInput() : File.OpenRead(file);
        using var octets = new MemoryStream();
        var piece = new byte[1 << 16];
        while (await input.ReadAsync(piece).ConfigureAwait(false) is var count and > 0)
        {
            octets.Write(piece, 0, count);
            if (octets.Length > Longest)
                throw new IOException($"longer than {Longest} octets");
        }

        return octets.ToArray();
    }
}
