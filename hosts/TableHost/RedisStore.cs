using Dkim.Core.Stores;
using Microsoft.FSharp.Collections;
using Microsoft.FSharp.Core;
using StackExchange.Redis;

namespace Dkim.TableHost;

/// <summary>Rows of a server of Redis' protocol, over one connection that is made again by itself.</summary>
internal sealed class RedisStore(RedisSource place, RedisLayout layout, TimeSpan timeout) : IStore
{
    private readonly Lock gate = new();
    private Task<ConnectionMultiplexer>? connecting;

    public async Task<StoreAnswer> AskAsync(FSharpList<string> forms, CancellationToken cancellation)
    {
        var connection = await Connection().WaitAsync(cancellation).ConfigureAwait(false);
        var database = connection.GetDatabase();
        var step = RedisRead.Start(layout, forms);
        while (true)
        {
            switch (step)
            {
                case RedisStep.Keys { keys: var keys }:
                    // One by one, all on their way at once: MGET does not tell of a value that is no text.
                    step = step.Go(Texts(await Task.WhenAll(keys.Select(key => database.StringGetAsync(key))).ConfigureAwait(false)));
                    break;
                case RedisStep.Hash { hash: var hash, fields: var fields }:
                    step = step.Go(Texts(await database.HashGetAsync(hash, [.. fields.Select(field => (RedisValue)field)]).ConfigureAwait(false)));
                    break;
                case RedisStep.Answered { Item: var answer }:
                    return answer;
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (connecting is { IsCompletedSuccessfully: true })
            await (await connecting.ConfigureAwait(false)).DisposeAsync().ConfigureAwait(false);
    }

    private Task<ConnectionMultiplexer> Connection()
    {
        lock (gate)
        {
            if (connecting is null or { IsFaulted: true } or { IsCanceled: true })
                connecting = ConnectionMultiplexer.ConnectAsync(Options());
            return connecting;
        }
    }

    private ConfigurationOptions Options()
    {
        var milliseconds = (int)timeout.TotalMilliseconds;
        var options = new ConfigurationOptions
        {
            AbortOnConnectFail = true,
            ConnectRetry = 1,
            ConnectTimeout = milliseconds,
            AsyncTimeout = milliseconds,
            SyncTimeout = milliseconds,
            BacklogPolicy = BacklogPolicy.FailFast,
            ClientName = "dkim-tables",
            Ssl = place.Tls,
            // As with the other engines: the authority of a site has no list of revoked certificates.
            CheckCertificateRevocation = false,
            Protocol = RedisProtocol.Resp2,
        };
        options.EndPoints.Add(place.Host, place.Port);
        if (place.User.Length > 0)
            options.User = place.User;
        if (place.Password.Reveal.Length > 0)
            options.Password = place.Password.Reveal;
        return options;
    }

    private static FSharpValueOption<string>[] Texts(RedisValue[] values) =>
    [
        .. values.Select(value => value.IsNull
            ? FSharpValueOption<string>.None
            : FSharpValueOption<string>.Some((string)value!)),
    ];
}
