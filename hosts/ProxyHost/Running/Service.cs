using System.Net;
using Dkim.Core.Asking;
using Dkim.Core.Programs.Proxies;
using Dkim.Core.Programs.Proxies.Shared;
using Dkim.Core.Programs.Proxies.Smtp;
using Dkim.Core.Programs.Running;
using Dkim.Core.Programs.Settings;
using Dkim.Core.Words;
using Dkim.Hosting;
using Dkim.ProxyHost.Dialogue;
using Dkim.ProxyHost.Sessions;
using Microsoft.FSharp.Core;

namespace Dkim.ProxyHost.Running;

/// <summary>The proxy as a service: lets clients in, follows its configuration and its keys.</summary>
/// <param name="begin">Begins another start from the original arguments.</param>
/// <param name="rowKeys">The keys that rows of stores have.</param>
internal sealed class Service(
    ProxyProgram program,
    SettingsFiles files,
    Func<Step<ProxyOutcome>> begin,
    ServiceParts parts,
    KeyCache rowKeys,
    StoreLookups stores,
    TimeProvider clock) : IServing, IDisposable
{
    // The client's, the relay's, and the file of a large message.
    private const int DescriptorsEach = 3;
    private readonly SwappedLog log = parts.Log;
    private readonly Lock gate = new();
    private readonly FileLook keyLook = new(ServiceLimits.keyLook, !program.Secrets.IsEmpty, clock);
    private readonly FileLook tableLook = new(ServiceLimits.tableLook, !program.Tables.IsEmpty, clock);
    private TableWatch tables = new(program.Tables, files);
    private KeyWatch keys = new(program, files, parts.Log.Write);
    private volatile Serving serving = Serving.Begin(program, parts, rowKeys, stores, clock);

    public void Announce()
    {
        foreach (var warning in parts.Resolver.Warnings)
            log.Warning(warning);
        log.Write(program.Notices);
        WarnOfSpool();
        keys.TellUnwatched();
    }

    // Descriptors are left for look-ups, keys and the log.
    public int MostConnections()
    {
        var wanted = program.Settings.MaxServers;
        var most = OwnProcess.MostConnections(wanted, DescriptorsEach);
        if (most < wanted)
        {
            log.Warning(
                $"max_servers {wanted}: no more than {most} connections at once, since this process may have "
                + $"{OwnProcess.AllowedDescriptors()} descriptors; raise LimitNOFILE of the unit, or ulimit -n");
        }

        return most;
    }

    public Task ServeAsync(StreamSocket client, OpenConnections open)
    {
        var current = serving;
        var address = client.Peer?.Address ?? IPAddress.None;
        log.Debug($"connect from {address}");
        return current.Program.NamesClients
            ? AdmitNamedAsync(current, client, address, open)
            : AdmitAsync(current, client, new ProxyClient(address, FSharpValueOption<string>.None), open);
    }

    public Task WatchAsync(CancellationToken stop) =>
        Task.WhenAll(keyLook.RunAsync(RefreshKeysAsync, stop), tableLook.RunAsync(RenewMapsAsync, stop));

    public void Dispose()
    {
        keyLook.Dispose();
        tableLook.Dispose();
    }

    public ValueTask<string?> ReloadAsync()
    {
        LogLine? refusal;
        lock (gate)
            refusal = Reload();
        if (refusal is not null)
            log.Write(refusal);
        return ValueTask.FromResult(refusal?.Text);
    }

    private async Task AdmitNamedAsync(Serving current, StreamSocket client, IPAddress address, OpenConnections open)
    {
        var name = await ClientName.FindAsync(address, current.Program.Settings, clock).ConfigureAwait(false);
        await AdmitAsync(current, client, new ProxyClient(address, name), open).ConfigureAwait(false);
    }

    private Task AdmitAsync(Serving current, StreamSocket client, ProxyClient who, OpenConnections open)
    {
        if (current.Program.Admits(who))
            return open.ServeAsync(new Session(client, current.Relaying));
        const string Why = "4.7.1 Client is not allowed";
        var conversation = new Conversation(Session.Address(client), TransactionModule.Start);
        log.Write(SessionLog.Told(SessionEvent.NewNotAllowed(421, Why), conversation, []));
        client.TrySend(OwnReply.Line(421, Why));
        return Task.CompletedTask;
    }

    // Small messages need none.
    private void WarnOfSpool()
    {
        try
        {
            Needs.Spool(program.Settings);
        }
        catch (StartupException failure)
        {
            log.Warning($"large messages cannot wait and get 451: {Needs.Describe(program, failure)}");
        }
    }

    private static string Credentials => Environment.GetEnvironmentVariable("CREDENTIALS_DIRECTORY") ?? "";

    // The line that says why nothing has changed, or null. Within the gate.
    private LogLine? Reload()
    {
        var before = serving;
        var next = files.Run(begin()).Again(out var refusal);
        if (next is null)
            return refusal;
        if (before.Program.RefusesToFollow(next, files.KeptSecrets, Credentials) is { IsSome: true } why)
            return why.Value;
        try
        {
            Follow(before, next);
            return null;
        }
        catch (StartupException failure)
        {
            return ProxyReload.Refused([Needs.Describe(next, failure)]);
        }
    }

    private void Follow(Serving before, ProxyProgram next)
    {
        stores.Follow(next.Stores);
        parts.Follow(
            ServiceNeeds.Resolver(before.Program.Settings.Service, before.Program.RecordOctets),
            ServiceNeeds.Resolver(next.Settings.Service, next.RecordOctets));
        log.Write(next.Notices);
        keys = new KeyWatch(next, files, log.Write);
        keys.TellUnwatched();
        tables = new TableWatch(next.Tables, files);
        Serve(next);
        log.Information("configuration reloaded");
    }

    // Within the gate.
    private void Serve(ProxyProgram next)
    {
        keyLook.Follow(!next.Secrets.IsEmpty);
        tableLook.Follow(!next.Tables.IsEmpty);
        serving = Serving.Begin(next, parts, rowKeys, stores, clock);
    }

    private Task RenewMapsAsync()
    {
        lock (gate)
            tables.Look(TakeMaps);
        return Task.CompletedTask;
    }

    // Whether the proxy goes on with them, and with the keys that they name anew. Within the gate.
    private bool TakeMaps(IReadOnlyDictionary<WantedFile, FileContents> maps)
    {
        var found = new Dictionary<WantedFile, FileContents>(maps);
        var secrets = new List<HandedFile>();
        var step = serving.Program.Renew(maps.Keys, Credentials);
        while (!step.IsDone)
        {
            foreach (var file in step.Needs.OfType<Need.File>().Select(need => need.Item).Where(file => !found.ContainsKey(file)))
            {
                // Looked at before it is read: a change in between is then seen as one more.
                var mark = FileMark.Of(files.Located(file));
                found[file] = files.NowOrSame(file);
                secrets.Add(new HandedFile(file, found[file], mark));
            }

            step = step.Go(Found.OfFiles(found));
        }

        log.Write(step.Value.Log);
        if (step.Value.Next.OrNull() is not { } next)
            return false;
        foreach (var (file, contents, mark) in secrets)
            files.Take(file, contents, mark);
        keys.Follow(next);
        Serve(next);
        return true;
    }

    private Task RefreshKeysAsync()
    {
        lock (gate)
        {
            if (!keys.Changed())
                return Task.CompletedTask;
            var next = serving.Program.Refresh().Go(Found.OfFiles(keys.Contents)).Value;
            log.Write(next.Notices);
            Serve(next);
        }

        log.Information("keys read again");
        return Task.CompletedTask;
    }
}
