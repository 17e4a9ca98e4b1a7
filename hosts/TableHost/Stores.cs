using Dkim.Core.Stores;

namespace Dkim.TableHost;

/// <summary>Makes the stores that commands name. None is connected to before it is asked.</summary>
internal static class Stores
{
    public static IStore Open(Store place, TimeSpan timeout) => place switch
    {
        Store.Sql sql => SqlStore.Open(sql.Item1, sql.Item2, timeout),
        Store.Ldap ldap => new LdapStore(ldap.Item, timeout),
        Store.Redis redis => new RedisStore(redis.Item1, redis.Item2, timeout),
        Store.Berkeley { path: var path } => new FileStore(key => BerkeleyDb.Get(path, key)),
        Store.Lmdb { folder: var folder } => new FileStore(key => Lmdb.Get(folder, key)),
        Store.Lines { host: var host, port: var port } => new LineStore(host, port),
        _ => throw new ArgumentOutOfRangeException(nameof(place)),
    };
}
