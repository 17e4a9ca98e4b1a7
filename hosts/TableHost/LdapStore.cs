using System.Collections.Concurrent;
using Dkim.Core.Stores;
using Microsoft.FSharp.Collections;

namespace Dkim.TableHost;

/// <summary>Entries of a directory. A connection serves one question at a time; what has failed is asked once more over
/// another.</summary>
internal sealed class LdapStore(LdapSource place, TimeSpan timeout) : IStore
{
    private readonly ConcurrentBag<Libldap> idle = [];

    public Task<StoreAnswer> AskAsync(FSharpList<string> forms, CancellationToken cancellation)
    {
        // The library has no calls that do not wait.
        List<ValueTuple<LdapRequest, IReadOnlyDictionary<string, string[]>[]>> results = [];
        foreach (var request in LdapSearch.Requests(place, forms))
        {
            cancellation.ThrowIfCancellationRequested();
            results.Add((request, Search(request, cancellation)));
        }

        return Task.FromResult(LdapSearch.Answer(place, [.. results]));
    }

    public ValueTask DisposeAsync()
    {
        while (idle.TryTake(out var connection))
            connection.Dispose();
        return default;
    }

    private Dictionary<string, string[]>[] Search(LdapRequest request, CancellationToken cancellation)
    {
        if (idle.TryTake(out var kept))
        {
            try
            {
                return Search(kept, request);
            }
            catch (LdapFault failure) when (failure.IsGone && !cancellation.IsCancellationRequested)
            {
                // Over another one.
            }
        }

        return Search(Connect(cancellation), request);
    }

    private Dictionary<string, string[]>[] Search(Libldap connection, LdapRequest request)
    {
        var isUsable = false;
        try
        {
            var scope = place.Scope.IsBase ? 0 : place.Scope.IsOne ? 1 : 2;
            var found = connection.Search(request.Base, scope, request.Filter, request.Attributes);
            isUsable = true;
            return found;
        }
        finally
        {
            if (isUsable)
                idle.Add(connection);
            else
                connection.Dispose();
        }
    }

    private Libldap Connect(CancellationToken cancellation)
    {
        LdapFault? last = null;
        foreach (var server in place.Servers)
        {
            cancellation.ThrowIfCancellationRequested();
            try
            {
                return Connect(server);
            }
            catch (LdapFault failure) when (failure.IsGone)
            {
                last = failure;
            }
        }

        throw last!;
    }

    private Libldap Connect(LdapServer server)
    {
        // A server that hangs leaves time for those behind it.
        var connection = new Libldap(Url(server), timeout / place.Servers.Length);
        connection.Keep(place.Keepalive.Idle, place.Keepalive.Interval, place.Keepalive.Probes);
        try
        {
            if (place.StartTls && !server.Tls && server.Port != 0)
                connection.StartTls();
            Bind(connection);
            return connection;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    private static string Url(LdapServer server) => server switch
    {
        { Port: 0 } => "ldapi://" + Uri.EscapeDataString(server.Host),
        { Host: var host } when host.Contains(':', StringComparison.Ordinal) => $"{Scheme(server)}://[{host}]:{server.Port}",
        _ => $"{Scheme(server)}://{server.Host}:{server.Port}",
    };

    private static string Scheme(LdapServer server) => server.Tls ? "ldaps" : "ldap";

    private void Bind(Libldap connection)
    {
        switch (place.Account)
        {
            case LdapAccount.Simple { user: var user, password: var password }:
                connection.Bind(user, null, password.Reveal);
                break;
            case LdapAccount.Plain { user: var user, whom: var whom, password: var password }:
                connection.Bind(null, "PLAIN", $"{whom}\0{user}\0{password.Reveal}");
                break;
            case { IsExternal: true }:
                connection.Bind(null, "EXTERNAL", "");
                break;
            case { IsAnonymous: true }:
                connection.Bind(null, null, "");
                break;
        }
    }
}
