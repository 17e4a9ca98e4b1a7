using System.Data.Common;
using System.Globalization;
using System.Net.Security;
using System.Runtime.InteropServices;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Dkim.Core.Stores;
using Microsoft.Data.Sqlite;
using Microsoft.FSharp.Collections;
using MySqlConnector;
using Npgsql;
using NpgsqlTypes;

namespace Dkim.TableHost;

/// <summary>A table of a database, by the driver's own pool of connections.</summary>
internal sealed class SqlStore : IStore
{
    private const int MostConnections = 4;
    private static readonly Lazy<bool> systemLibrary = new(UseSystemLibrary);
    private readonly SqlQuery query;
    private readonly DbDataSource source;

    private SqlStore(SqlQuery query, DbDataSource source)
    {
        this.query = query;
        this.source = source;
    }

    public static SqlStore Open(SqlSource place, SqlQuery query, TimeSpan timeout)
    {
        var seconds = Math.Max(1, (int)Math.Ceiling(timeout.TotalSeconds));
        return new SqlStore(query, place.Backend switch
        {
            { IsPostgreSql: true } => PostgreSql(place, seconds),
            { IsMySql: true } => MySql(place, seconds),
            _ => Sqlite(place, seconds),
        });
    }

    public async Task<StoreAnswer> AskAsync(FSharpList<string> forms, CancellationToken cancellation)
    {
        try
        {
            return await AskOnceAsync(forms, cancellation).ConfigureAwait(false);
        }
        catch (NpgsqlException failure) when (failure.IsTransient && source is NpgsqlDataSource)
        {
            // The pool does not know yet that the server has started anew.
            ((NpgsqlDataSource)source).Clear();
            return await AskOnceAsync(forms, cancellation).ConfigureAwait(false);
        }
    }

    private async Task<StoreAnswer> AskOnceAsync(FSharpList<string> forms, CancellationToken cancellation)
    {
        await using var connection = await source.OpenConnectionAsync(cancellation).ConfigureAwait(false);
        List<string[][]> results = [];
        foreach (var request in SqlStatement.Requests(query, forms))
        {
            await using var command = Command(connection, request);
            results.Add(await RowsAsync(command, cancellation).ConfigureAwait(false));
        }

        return SqlStatement.Answer(query, forms, [.. results]);
    }

    public ValueTask DisposeAsync() => source.DisposeAsync();

    private static DbCommand Command(DbConnection connection, SqlRequest request)
    {
        var command = connection.CreateCommand();
        command.CommandText = request.Text;
        var number = 0;
        foreach (var text in request.Parameters)
        {
            var parameter = command.CreateParameter();
            parameter.ParameterName = $"@k{number++}";
            parameter.Value = text;
            // So that the server takes it for what the column is: a number, as a quoted literal would be.
            if (parameter is NpgsqlParameter typed)
                typed.NpgsqlDbType = NpgsqlDbType.Unknown;
            command.Parameters.Add(parameter);
        }

        // Every column as text, whatever its type.
        if (command is NpgsqlCommand own)
            own.AllResultTypesAreUnknown = true;
        return command;
    }

    private static async Task<string[][]> RowsAsync(DbCommand command, CancellationToken cancellation)
    {
        List<string[]> rows = [];
        await using var reader = await command.ExecuteReaderAsync(cancellation).ConfigureAwait(false);
        while (await reader.ReadAsync(cancellation).ConfigureAwait(false))
        {
            var row = new string[reader.FieldCount];
            for (var column = 0; column < row.Length; column++)
                row[column] = reader.IsDBNull(column) ? "" : Text(reader.GetValue(column));
            rows.Add(row);
        }

        return [.. rows];
    }

    private static string Text(object value) => value is byte[] octets
        ? Encoding.UTF8.GetString(octets)
        : Convert.ToString(value, CultureInfo.InvariantCulture) ?? "";

    private static NpgsqlDataSource PostgreSql(SqlSource place, int seconds)
    {
        var settings = new NpgsqlConnectionStringBuilder
        {
            Host = place.Host.Length > 0 ? place.Host : "localhost",
            Port = place.Port.IsSome ? place.Port.Value : 5432,
            Database = place.Database,
            Timeout = seconds,
            CommandTimeout = seconds,
            CancellationTimeout = 1000,
            MaxPoolSize = MostConnections,
            SslMode = place.Tls ? SslMode.VerifyFull : SslMode.Prefer,
            ApplicationName = "dkim-tables",
        };
        if (place.User.Length > 0)
            settings.Username = place.User;
        if (place.Password.Reveal.Length > 0)
            settings.Password = place.Password.Reveal;
        var builder = new NpgsqlSlimDataSourceBuilder(settings.ConnectionString);
        builder.EnableTransportSecurity();
        return builder.Build();
    }

    private static MySqlDataSource MySql(SqlSource place, int seconds)
    {
        var isSocket = place.Host.StartsWith('/');
        var settings = new MySqlConnectionStringBuilder
        {
            Server = place.Host.Length > 0 ? place.Host : "localhost",
            Port = place.Port.IsSome ? (uint)place.Port.Value : 3306,
            Database = place.Database,
            UserID = place.User,
            Password = place.Password.Reveal,
            ConnectionProtocol = isSocket ? MySqlConnectionProtocol.UnixSocket : MySqlConnectionProtocol.Tcp,
            ConnectionTimeout = (uint)seconds,
            DefaultCommandTimeout = (uint)seconds,
            CancellationTimeout = 1,
            MaximumPoolSize = MostConnections,
            // The driver leaves all of the proof to IsProven then.
            SslMode = place.Tls ? MySqlSslMode.Required : isSocket ? MySqlSslMode.None : MySqlSslMode.Preferred,
            CharacterSet = "utf8mb4",
        };
        var builder = new MySqlDataSourceBuilder(settings.ConnectionString);
        if (place.Tls)
            builder.UseRemoteCertificateValidationCallback(IsProven);
        return builder.Build();
    }

    // The driver asks for lists of revoked certificates, which the authority of a site does not have; other engines do not ask.
    private static bool IsProven(object sender, X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors) =>
        errors == SslPolicyErrors.None
        || (errors == SslPolicyErrors.RemoteCertificateChainErrors
            && chain is { ChainStatus.Length: > 0 }
            && chain.ChainStatus.All(link => link.Status is X509ChainStatusFlags.RevocationStatusUnknown or X509ChainStatusFlags.OfflineRevocation));

    private static DbDataSource Sqlite(SqlSource place, int seconds)
    {
        _ = systemLibrary.Value;
        var settings = new SqliteConnectionStringBuilder
        {
            DataSource = place.Database,
            Mode = SqliteOpenMode.ReadOnly,
            DefaultTimeout = seconds,
            // A file that takes the place of another is then seen.
            Pooling = false,
        };
        return SqliteFactory.Instance.CreateDataSource(settings.ConnectionString);
    }

    // Without the symbolic link that only its development package has. Several stores may be opened at once.
    private static bool UseSystemLibrary()
    {
        NativeLibrary.SetDllImportResolver(
            typeof(SQLitePCL.SQLite3Provider_sqlite3).Assembly,
            (name, _, _) => name == "sqlite3" ? NativeLibrary.Load("libsqlite3.so.0") : 0);
        SQLitePCL.raw.SetProvider(new SQLitePCL.SQLite3Provider_sqlite3());
        return true;
    }
}
