using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.ComponentModel;
using System.Diagnostics;
using System.Threading.Channels;
using Dkim.Core.Programs.Running;
using Dkim.Core.Stores;
using Dkim.Hosting.Processes;
using Microsoft.FSharp.Collections;

namespace Dkim.Hosting.Stores;

/// <summary>The process that has the drivers of databases and directories (dkim-tables): started once a data set needs it,
/// asked through its standard input and output, started again when it has ended. Used by several threads, none of which
/// waits for it.</summary>
/// <param name="user">Who it runs as; null for the user of this process. Only root can start it as another.</param>
/// <param name="report">Takes a line for the log when it has ended.</param>
public sealed class StoreProcess(string? user, TimeProvider clock, Action<string> report) : IDisposable
{
    /// <summary>The name of the program.</summary>
    public const string ProgramName = "dkim-tables";

    // Variables that are meant for this process alone.
    private static readonly string[] own = ["LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"];
    private readonly Lock gate = new();
    // Of each store that it has opened, and how long it may take there.
    private readonly Dictionary<Store, (int Number, TimeSpan Timeout)> numbers = [];
    private Running? running;
    private int opened;
    private long requests;
    private DateTimeOffset restartAt;
    private bool disposed;

    /// <summary>Where the program is: beside this one, or in the directory of libraries beside that.</summary>
    /// <exception cref="StartupException">It is not there.</exception>
    public static string Find()
    {
        var directory = AppContext.BaseDirectory;
        string[] places = [Path.Combine(directory, ProgramName), Path.Combine(directory, "../lib/dkim", ProgramName)];
        return places.FirstOrDefault(File.Exists) ?? throw new StartupException(
            StartupFault.Database, $"{ProgramName} is not there, which asks the stores of data sets: {places[0]}");
    }

    /// <summary>Starts it, where it does not run yet.</summary>
    /// <exception cref="StartupException">It cannot be started.</exception>
    public void Start()
    {
        lock (gate)
            running ??= Launch();
    }

    /// <summary>Has it give up the stores that are not among these.</summary>
    public void Keep(IReadOnlyCollection<Store> kept)
    {
        lock (gate)
        {
            foreach (var (store, opened) in numbers.Where(pair => !kept.Contains(pair.Key)).ToArray())
            {
                numbers.Remove(store);
                running?.Send(StoreCommand.NewClose(opened.Number));
            }
        }
    }

    /// <summary>Asks a store and never throws. What has no answer in time is unavailable.</summary>
    public async Task<StoreAnswer> AskAsync(StoreUse use, FSharpList<string> forms)
    {
        var answer = new TaskCompletionSource<StoreAnswer>(TaskCreationOptions.RunContinuationsAsynchronously);
        if (Send(use, forms, answer, out var request) is not { } asked)
            return StoreAnswer.NewUnavailable($"{ProgramName} does not run");
        try
        {
            // The process tells of a store that takes too long; this is for one that does not tell anything.
            return await answer.Task.WaitAsync(use.Times.Timeout + StoreRules.grace, clock).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            asked.Waiting.TryRemove(request, out _);
            return StoreAnswer.NewUnavailable($"{ProgramName} does not answer");
        }
    }

    public void Dispose()
    {
        Running? last;
        lock (gate)
        {
            disposed = true;
            last = running;
            running = null;
        }

        last?.End();
    }

    private Running? Send(StoreUse use, FSharpList<string> forms, TaskCompletionSource<StoreAnswer> answer, out long request)
    {
        lock (gate)
        {
            request = ++requests;
            if (disposed || (running ??= TryLaunch()) is not { } process)
                return null;
            process.Waiting[request] = answer;
            process.Send(StoreCommand.NewAsk(request, NumberOf(use, process), forms));
            return process;
        }
    }

    // A store whose time a reload has changed is opened anew.
    private int NumberOf(StoreUse use, Running process)
    {
        if (numbers.TryGetValue(use.Store, out var known))
        {
            if (known.Timeout == use.Times.Timeout)
                return known.Number;
            process.Send(StoreCommand.NewClose(known.Number));
        }

        var number = opened++;
        numbers[use.Store] = (number, use.Times.Timeout);
        process.Send(StoreCommand.NewOpen(number, use.Store, (int)use.Times.Timeout.TotalMilliseconds));
        return number;
    }

    private Running? TryLaunch()
    {
        if (clock.GetUtcNow() < restartAt)
            return null;
        try
        {
            return Launch();
        }
        catch (StartupException failure)
        {
            restartAt = clock.GetUtcNow() + StoreRules.restart;
            report(failure.Message);
            return null;
        }
    }

    private Running Launch()
    {
        var start = new ProcessStartInfo(Find())
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            WorkingDirectory = Environment.CurrentDirectory,
        };
        foreach (var variable in own)
            start.Environment.Remove(variable);
        if (user is not null && OwnProcess.IsRoot)
        {
            start.ArgumentList.Add("--user");
            start.ArgumentList.Add(user);
        }

        try
        {
            var process = Process.Start(start)
                ?? throw new StartupException(StartupFault.Database, $"{ProgramName} cannot be started");
            return new Running(process, Ended);
        }
        catch (Exception failure) when (failure is Win32Exception or IOException)
        {
            throw new StartupException(StartupFault.Database, $"{ProgramName} cannot be started: {failure.Message}");
        }
    }

    // What it was asked has no answer; the next question starts it again.
    private void Ended(Running ended)
    {
        lock (gate)
        {
            if (running != ended)
                return;
            running = null;
            numbers.Clear();
            restartAt = clock.GetUtcNow() + StoreRules.restart;
        }

        report($"{ProgramName} has ended");
    }

    /// <summary>One run of the program. A thread writes and another reads, since pipes have no other way to be waited
    /// for.</summary>
    private sealed class Running
    {
        private readonly Process process;
        private readonly Action<Running> ended;
        private readonly Channel<byte[]> frames = Channel.CreateUnbounded<byte[]>(new() { SingleReader = true });

        public Running(Process process, Action<Running> ended)
        {
            this.process = process;
            this.ended = ended;
            new Thread(Write) { IsBackground = true, Name = "stores out" }.Start();
            new Thread(Read) { IsBackground = true, Name = "stores in" }.Start();
        }

        /// <summary>The questions without an answer yet.</summary>
        public ConcurrentDictionary<long, TaskCompletionSource<StoreAnswer>> Waiting { get; } = [];

        public void Send(StoreCommand command) => frames.Writer.TryWrite(StoreWire.OfCommand(command));

        /// <summary>Closes its standard input, which ends it.</summary>
        public void End() => frames.Writer.TryComplete();

        private void Write()
        {
            try
            {
                using var output = process.StandardInput.BaseStream;
                var length = new byte[4];
                while (frames.Reader.WaitToReadAsync().AsTask().GetAwaiter().GetResult())
                {
                    while (frames.Reader.TryRead(out var frame))
                    {
                        BinaryPrimitives.WriteInt32BigEndian(length, frame.Length);
                        output.Write(length);
                        output.Write(frame);
                    }

                    output.Flush();
                }
            }
            catch (IOException)
            {
                // It has ended, which the other thread sees.
            }
        }

        private void Read()
        {
            try
            {
                using var input = process.StandardOutput.BaseStream;
                var length = new byte[4];
                while (input.ReadAtLeast(length, length.Length, throwOnEndOfStream: false) == length.Length)
                {
                    var octets = BinaryPrimitives.ReadInt32BigEndian(length);
                    if (octets is < 0 or > StoreWire.LongestFrame)
                        break;
                    var frame = new byte[octets];
                    input.ReadExactly(frame);
                    var reply = StoreWire.TryReply(frame);
                    if (reply.IsNone)
                        break;
                    if (Waiting.TryRemove(reply.Value.Request, out var answer))
                        answer.TrySetResult(reply.Value.Answer);
                }
            }
            catch (IOException)
            {
                // The same as its end.
            }

            ended(this);
            End();
            foreach (var request in Waiting.Keys)
            {
                if (Waiting.TryRemove(request, out var answer))
                    answer.TrySetResult(StoreAnswer.NewUnavailable($"{ProgramName} has ended"));
            }

            process.Dispose();
        }
    }
}
