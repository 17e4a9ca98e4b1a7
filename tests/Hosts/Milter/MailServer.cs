using Dkim.Core.Programs.Running;
using Dkim.Tests.Hosts.Hosting;
using Dkim.Tests.Hosts.Proxy;

namespace Dkim.Tests.Hosts.Milter;

/// <summary>Where a mail server takes mail in, and the milter that sees it there.</summary>
/// <param name="Milter">Its socket in the words of dkim-filter: <c>inet:PORT@127.0.0.1</c> or <c>local:PATH</c>.</param>
internal sealed record Entrance(string Milter)
{
    public int Port { get; } = Tools.FreePort();

    /// <summary>The version of the milter protocol that Postfix speaks.</summary>
    public int Protocol { get; init; } = 6;

    /// <summary>What this entrance of Postfix says for <c>{daemon_name}</c>; by default its host name.</summary>
    public string DaemonName { get; init; } = "$myhostname";

    /// <summary>The milter that sees mail after the first, if there is one.</summary>
    public string? Second { get; init; }

    public IEnumerable<string> Milters => Second is null ? [Milter] : [Milter, Second];

    /// <summary>Settings of this entrance of Postfix alone: <c>name=value</c>.</summary>
    public string[] Options { get; init; } = [];
}

/// <summary>A real mail server that takes mail in at several entrances and sends all of it to a sink.</summary>
internal interface IMailServer : IDisposable
{
    /// <summary>How many messages are held in quarantine.</summary>
    int Held { get; }

    static IMailServer Start(string name, Scratch scratch, MailSink sink, params Entrance[] entrances) =>
        name == "Sendmail"
            ? new SendmailServer(scratch, sink.Port, entrances)
            : new PostfixServer(scratch, sink.Port, entrances);
}

/// <summary>Postfix, with `smtpd_milters`.</summary>
internal sealed class PostfixServer(Scratch scratch, int sink, Entrance[] entrances, string settings = "") : IMailServer
{
    private readonly Proxy.Postfix postfix = new(scratch, string.Concat(entrances.Select(Service)), sink, Quick + settings);

    // Mail that is refused for now is tried again while a test waits.
    private const string Quick = "queue_run_delay = 1s\nminimal_backoff_time = 1s\nsmtpd_client_connection_count_limit = 0\n";

    public int Held => Directory.Exists(scratch.At("queue/hold"))
        ? Directory.EnumerateFiles(scratch.At("queue/hold"), "*", SearchOption.AllDirectories).Count()
        : 0;

    public static string Name(string milter) => milter.StartsWith("inet:", StringComparison.Ordinal)
        ? string.Join(':', "inet", milter[5..].Split('@')[1], milter[5..].Split('@')[0])
        : milter.Replace("local:", "unix:", StringComparison.Ordinal);

    public void Dispose() => postfix.Dispose();

    private static string Service(Entrance entrance) => $"""
        127.0.0.1:{entrance.Port} inet n - n - - smtpd
          -o smtpd_milters={string.Join(',', entrance.Milters.Select(Name))}
          -o milter_protocol={entrance.Protocol}
          -o milter_macro_daemon_name={entrance.DaemonName}

        """ + string.Concat(entrance.Options.Select(option => $"  -o {option}\n"));
}
