using Dkim.Core.Asking;
using Dkim.Core.Programs.Qmail;
using Dkim.Core.Programs.Settings;
using Dkim.Hosting;

namespace Dkim.QmailHost;

/// <summary>The way of the one message: read, decided upon, handed on.</summary>
internal sealed class Queueing(QmailStart start, NextProgram next, TimeProvider clock) : IQmailReply
{
    private readonly Message message = new(start.Settings.TemporaryFiles, clock);
    private int code;

    /// <summary>Becomes the next program, or returns the exit code.</summary>
    public int Run()
    {
        if (start.IsIdle || HasNoKey())
        {
            next.Become(start.NextProgram);
        }

        var host = start.HostFile.IsSome ? Files.HostName(start.HostFile.Value) : "";
        using var passage = start.NewMessage(clock.UnixSeconds(), host);
        var deadline = clock.Milliseconds() + QmailLimits.MessageTime;
        while (message.ReadNext(deadline) is { IsEmpty: false } octets)
        {
            passage.Feed(octets);
            ReadKeys(passage);
        }

        passage.End();
        ReadKeys(passage);
        if (!passage.Needs.IsEmpty)
        {
            LookUp(passage);
        }

        passage.Decision.Tell(this);
        return code;
    }

    public void PassOn(ReadOnlyMemory<byte> head, long replaced)
    {
        message.Replace(head.Span, replaced);
        next.Become(start.NextProgram);
    }

    public void Tell(string note) => Told.Say(note);

    public void Exit(QmailRefusal refusal) => code = Told.Refuse(refusal);

    private bool HasNoKey()
    {
        foreach (var root in start.KeyRoots)
        {
            if (Files.Exists(root))
            {
                return false;
            }
        }

        return !start.KeyRoots.IsEmpty;
    }

    private static void ReadKeys(QmailMessage passage)
    {
        if (!passage.HoldsBody)
        {
            return;
        }

        var files = new Dictionary<WantedFile, FileContents>();
        foreach (var need in passage.Needs)
        {
            if (need is Need.File { Item: var file })
            {
                files.TryAdd(file, Files.ReadKey(file.Path));
            }
        }

        passage.Go(Found.OfFiles(files));
    }

    private void LookUp(QmailMessage passage)
    {
        using var resolver = Files.OpenResolver(start.Settings);
        var needs = new MessageNeeds(new MessageLookups(resolver, start.Budget, clock));
        while (passage.Needs is { IsEmpty: false } wanted)
        {
            passage.Go(needs.FindAsync(wanted).GetAwaiter().GetResult());
        }
    }
}
