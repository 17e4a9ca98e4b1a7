using System.Net.Sockets;
using System.Security.Authentication;
using Dkim.Core.Words;
using Microsoft.Data.Sqlite;
using MySqlConnector;
using Npgsql;
using StackExchange.Redis;

namespace Dkim.TableHost;

/// <summary>Why a store could not be asked, in a line.</summary>
internal static class Reasons
{
    public static string Of(Exception failure) => Printable.brief(Words(failure).Split('\n')[0].Trim());

    private static string Words(Exception failure) => failure switch
    {
        RedisException when Certificate(failure) is { } refused => refused.Message,
        PostgresException refused => refused.MessageText,
        SqliteException refused => Quoted(refused.Message),
        RedisServerException refused => refused.Message,
        RedisConnectionException { FailureType: ConnectionFailureType.AuthenticationFailure } => "the server refuses the password",
        RedisException => "the server cannot be reached",
        MySqlException { InnerException: null } refused => refused.Message,
        _ => failure.InnerException is { } inner && failure is NpgsqlException or MySqlException or AggregateException
            ? Words(inner)
            : failure is SocketException { SocketErrorCode: SocketError.ConnectionRefused } ? "connection refused" : failure.Message,
    };

    // What is wrong with the certificate of a server.
    private static AuthenticationException? Certificate(Exception? failure) => failure switch
    {
        null => null,
        AuthenticationException refused => refused,
        _ => Certificate(failure.InnerException),
    };

    // SQLite Error 1: 'no such table: T'.
    private static string Quoted(string message)
    {
        var start = message.IndexOf('\'', StringComparison.Ordinal);
        var end = message.LastIndexOf('\'');
        return start >= 0 && end > start ? message[(start + 1)..end] : message;
    }
}
