using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Diagnostics;
using Dkim.Core.Stores;
using Microsoft.FSharp.Collections;

namespace Dkim.Tests.Hosts.Tables;

/// <summary>dkim-tables as a filter has it. DKIMTABLES may name another build of the program, e.g. the native one.</summary>
internal sealed class TableProcess : IDisposable
{
    public static readonly string Program =
        Environment.GetEnvironmentVariable("DKIMTABLES") ?? Path.Combine(AppContext.BaseDirectory, "dkim-tables");

    private readonly ConcurrentDictionary<long, TaskCompletionSource<StoreAnswer>> waiting = [];
    private readonly Task<string> error;
    private readonly Task reading;
    private long requests;

    public TableProcess(params string[] arguments)
        : this("", arguments)
    {
    }

    private TableProcess(string authority, string[] arguments)
    {
        var start = new ProcessStartInfo(Program, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        if (authority.Length > 0)
        {
            start.Environment["SSL_CERT_FILE"] = authority;
            start.Environment["LDAPTLS_CACERT"] = authority;
        }

        Process = Process.Start(start)!;
        error = Process.StandardError.ReadToEndAsync();
        reading = Task.Run(Read);
    }

    /// <summary>One that trusts this authority and no other.</summary>
    public static TableProcess Trusting(string authority) => new(authority, []);

    public Process Process { get; }

    /// <summary>A store from now on has this number.</summary>
    public void Open(int store, Store place, int milliseconds = 10_000) =>
        Send(StoreWire.OfCommand(StoreCommand.NewOpen(store, place, milliseconds)));

    public void Close(int store) => Send(StoreWire.OfCommand(StoreCommand.NewClose(store)));

    public async Task<StoreAnswer> AnswerAsync(int store, params string[] forms)
    {
        var answer = new TaskCompletionSource<StoreAnswer>(TaskCreationOptions.RunContinuationsAsynchronously);
        var request = Interlocked.Increment(ref requests);
        waiting[request] = answer;
        Send(StoreWire.OfCommand(StoreCommand.NewAsk(request, store, ListModule.OfSeq(forms))));
        return await answer.Task.WaitAsync(TimeSpan.FromSeconds(60));
    }

    /// <summary>The answer as a text for each row: FORM=FIELD|FIELD; in order of the forms, or what is wrong.</summary>
    public async Task<string[]> AskAsync(int store, params string[] forms) => await AnswerAsync(store, forms) switch
    {
        StoreAnswer.Rows rows =>
            [.. rows.Item.Select(row => $"{row.Form}={string.Join('|', row.Fields)}").Order(StringComparer.Ordinal)],
        StoreAnswer.Unavailable why => [$"unavailable: {why.reason}"],
        _ => [],
    };

    public void Send(byte[] frame)
    {
        var octets = new byte[4 + frame.Length];
        BinaryPrimitives.WriteInt32BigEndian(octets, frame.Length);
        frame.CopyTo(octets, 4);
        SendRaw(octets);
    }

    public void SendRaw(byte[] octets)
    {
        lock (Process)
        {
            Process.StandardInput.BaseStream.Write(octets);
            Process.StandardInput.BaseStream.Flush();
        }
    }

    /// <summary>Ends its input; its exit code and what it wrote to standard error.</summary>
    public (int Code, string Error) End()
    {
        Process.StandardInput.Close();
        return Ended();
    }

    public (int Code, string Error) Ended()
    {
        if (!Process.WaitForExit(10_000))
            throw new TimeoutException("dkim-tables has not ended");
        return (Process.ExitCode, error.Result);
    }

    public void Dispose()
    {
        if (!Process.HasExited)
            Process.Kill();
        Process.WaitForExit();
        Process.Dispose();
    }

    private void Read()
    {
        var input = Process.StandardOutput.BaseStream;
        var length = new byte[4];
        while (input.ReadAtLeast(length, 4, throwOnEndOfStream: false) == 4)
        {
            var frame = new byte[BinaryPrimitives.ReadInt32BigEndian(length)];
            input.ReadExactly(frame);
            var reply = StoreWire.TryReply(frame).Value;
            if (waiting.TryRemove(reply.Request, out var answer))
                answer.SetResult(reply.Answer);
        }
    }
}
