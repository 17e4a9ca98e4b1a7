using System.Collections.Concurrent;
using System.DirectoryServices.Protocols;
using System.Net;
using Dkim.Core.Stores;
using Microsoft.FSharp.Collections;

namespace Dkim.TableHost;

/// <summary>Entries of a directory. A connection serves one question at a time; what has failed is asked once more over
/// another.</summary>
internal sealed class LdapStore(LdapSource place, TimeSpan timeout) : IStore
{
    // The server went, or the connection does not answer any more.
    private const int ServerDown = 81;
    private const int Timeout = 85;
    private const int ConnectError = 91;
    private const int Unavailable = 52;
    private readonly ConcurrentBag<LdapConnection> idle = [];

    public Task<StoreAnswer> AskAsync(FSharpList<string> forms, CancellationToken cancellation)
    {
        // The library has no calls that do not wait.
        List<(LdapRequest, IReadOnlyDictionary<string, string[]>[])> results = [];
        foreach (var request in LdapSearch.Requests(place, forms))
        {
            cancellation.ThrowIfCancellationRequested();
            results.Add((request, Search(request)));
        }

        return Task.FromResult(LdapSearch.Answer(place, [.. results.Select(result => new ValueTuple<LdapRequest, IReadOnlyDictionary<string, string[]>[]>(result.Item1, result.Item2))]));
    }

    public ValueTask DisposeAsync()
    {
        foreach (var connection in idle)
            connection.Dispose();
        return default;
    }

    private IReadOnlyDictionary<string, string[]>[] Search(LdapRequest request)
    {
        if (idle.TryTake(out var kept))
        {
            try
            {
                return Search(kept, request);
            }
            catch (DirectoryException failure) when (IsGone(failure))
            {
                kept.Dispose();
            }
        }

        return Search(Connect(), request);
    }

    private IReadOnlyDictionary<string, string[]>[] Search(LdapConnection connection, LdapRequest request)
    {
        var isUsable = false;
        try
        {
            var search = new SearchRequest(request.Base, request.Filter, Scope(), [.. request.Attributes]) { TimeLimit = timeout };
            var found = (SearchResponse)connection.SendRequest(search, timeout);
            isUsable = true;
            return [.. found.Entries.Cast<SearchResultEntry>().Select(Values)];
        }
        catch (DirectoryOperationException failure) when (failure.Response?.ResultCode == ResultCode.NoSuchObject)
        {
            // Where the base has the text that is looked for.
            isUsable = true;
            return [];
        }
        finally
        {
            if (isUsable)
                idle.Add(connection);
            else
                connection.Dispose();
        }
    }

    private static Dictionary<string, string[]> Values(SearchResultEntry entry) =>
        entry.Attributes.Values.Cast<DirectoryAttribute>().ToDictionary(
            attribute => attribute.Name,
            attribute => attribute.GetValues(typeof(string)).Cast<string>().ToArray());

    private SearchScope Scope() => place.Scope switch
    {
        { IsBase: true } => SearchScope.Base,
        { IsOne: true } => SearchScope.OneLevel,
        _ => SearchScope.Subtree,
    };

    private LdapConnection Connect()
    {
        Exception? last = null;
        foreach (var server in place.Servers)
        {
            try
            {
                return Connect(server);
            }
            catch (DirectoryException failure) when (IsGone(failure))
            {
                last = failure;
            }
        }

        throw last!;
    }

    private LdapConnection Connect(LdapServer server)
    {
        var connection = new LdapConnection(new LdapDirectoryIdentifier(server.Host, server.Port)) { Timeout = timeout };
        try
        {
            connection.SessionOptions.ProtocolVersion = 3;
            connection.SessionOptions.SecureSocketLayer = server.Tls;
            connection.SessionOptions.ReferralChasing = ReferralChasingOptions.None;
            if (place.StartTls)
                connection.SessionOptions.StartTransportLayerSecurity(null);
            Bind(connection);
            return connection;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    private void Bind(LdapConnection connection)
    {
        switch (place.Account)
        {
            case LdapAccount.Simple { user: var user, password: var password }:
                connection.AuthType = AuthType.Basic;
                connection.Bind(new NetworkCredential(user, password.Reveal));
                break;
            case { IsExternal: true }:
                connection.AuthType = AuthType.External;
                connection.Bind();
                break;
            default:
                connection.AuthType = AuthType.Anonymous;
                connection.Bind();
                break;
        }
    }

    private static bool IsGone(DirectoryException failure) =>
        failure is LdapException { ErrorCode: ServerDown or Timeout or ConnectError or Unavailable };
}
