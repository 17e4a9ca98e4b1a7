using System.Net;
using System.Net.Sockets;
using Dkim.Core.Dns;
using Dkim.Core.Message;
using Dkim.Core.Programs.Settings;
using Dkim.Core.Signatures;
using Dkim.Core.Words;
using Dkim.Hosting.Processes;
using DnsClient;
using DnsClient.Protocol;

namespace Dkim.Hosting.Resolving;

/// <summary>DNS by the DnsClient package: asynchronous, with a socket for each question and no thread of its own. Which
/// server is asked next and what a reply is worth is decided here: the package takes whatever datagram comes
/// first.</summary>
internal sealed class DnsClientResolver : NetworkResolver
{
    private readonly ServerList servers;
    private readonly bool trustAd;
    private readonly int recordOctets;
    private LookupClient client = NewClient();
    private readonly TimeProvider clock;
    private long clientEnds;

    /// <param name="servers">At least one.</param>
    /// <param name="trustAd">Whether the servers' AD bit can be believed.</param>
    public DnsClientResolver(ResolverSettings settings, IReadOnlyList<IPEndPoint> servers, bool trustAd)
        : base(settings.Caching, Places(), settings.Clock)
    {
        clock = settings.Clock;
        clientEnds = clock.Milliseconds() + ResolverLimits.ClientTime;
        this.servers = new ServerList(servers, settings.Time, clock);
        this.trustAd = trustAd;
        recordOctets = settings.RecordOctets;
        Description = $"DnsClient, asking {this.servers}";
        WarmUp();
    }

    public override string Description { get; }

    // Recursive servers send the whole chain of aliases; one that does not is asked for the rest.
    protected override async Task<TimedAnswer> LookUpAsync(Question question, CancellationToken cancellation)
    {
        var timeToLive = int.MaxValue;
        var name = question.Name;
        for (var hop = 0; hop <= ResolverLimits.Aliases; hop++)
        {
            var asked = name;
            var (reply, failure) = await AskAsync(asked, question.Type, cancellation).ConfigureAwait(false);
            if (reply is null)
            {
                return new TimedAnswer(Answer.Unavailable(failure), 0);
            }

            var records = new Records(question.Type, recordOctets);
            if (!DnsClientReply.TryFollow(reply, ref name, records, ref timeToLive))
            {
                break;
            }

            var security = SecurityOf(reply);
            if (!records.IsEmpty)
            {
                return new TimedAnswer(records.ToAnswer(security), timeToLive);
            }

            var exists = reply.Header.ResponseCode == DnsHeaderResponseCode.NoError;
            if (!exists || asked == name || reply.Authorities.OfType<SoaRecord>().Any())
            {
                return new TimedAnswer(
                    exists ? records.ToAnswer(security) : Answer.NoSuchName(security),
                    Math.Min(timeToLive, DnsClientReply.NegativeTimeToLive(reply)));
            }

            if (!ResolverLimits.isPossible(name))
            {
                return new TimedAnswer(Answer.NoSuchName(security), 0);
            }
        }

        return new TimedAnswer(Answer.Unavailable("too many aliases"), 0);
    }

    // Each is a socket.
    private static int Places() => ResolverLimits.placesOf(OwnProcess.AllowedDescriptors());

    // The first socket that waits needs descriptors for the runtime as well; where it does not get them, it never waits
    // for any. So that is done now, not when a flood of connections has taken them all.
    private static void WarmUp()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        using var over = new CancellationTokenSource();
        var waiting = socket.ReceiveAsync(Memory<byte>.Empty, SocketFlags.None, over.Token).AsTask();
        over.Cancel();
        _ = waiting.ContinueWith(ended => ended.Exception, TaskScheduler.Default);
    }

    private Security SecurityOf(IDnsQueryResponse reply) =>
        !trustAd ? Security.Unchecked : reply.Header.IsAuthenticData ? Security.Secure : Security.Insecure;

    private async Task<(IDnsQueryResponse? Reply, string Failure)> AskAsync(
        string name, RecordType type, CancellationToken cancellation)
    {
        var question = DnsClientReply.QuestionFor(new Question(name, type));
        var failure = "timeout";
        foreach (var (server, wait) in servers.Tries())
        {
            try
            {
                var reply = await AskServerAsync(server, question, wait, cancellation).ConfigureAwait(false);
                if (DnsClientReply.Problem(reply, question) is not { } problem)
                {
                    server.Answers();
                    return (reply, "");
                }

                failure = problem;
            }
            catch (Exception problem)
            {
                // The package throws a dozen types at replies that it cannot read, and its own at a cancellation.
                cancellation.ThrowIfCancellationRequested();
                failure = DnsClientReply.Describe(problem);
            }

            server.Fails(clock.Milliseconds());
        }

        return (null, failure);
    }

    private async Task<IDnsQueryResponse> AskServerAsync(
        Server server, DnsQuestion question, TimeSpan wait, CancellationToken cancellation)
    {
        var reply = await TryAsync(server, question, Options(wait, trustAd, ResolverLimits.DatagramOctets), cancellation).ConfigureAwait(false);
        return reply.Header.ResponseCode is DnsHeaderResponseCode.FormatError or DnsHeaderResponseCode.NotImplemented
            // A server from before EDNS (RFC 6891 §7).
            ? await TryAsync(server, question, Options(wait, false, DnsQueryOptions.MinimumBufferSize), cancellation)
                .ConfigureAwait(false)
            : reply;
    }

    private async Task<IDnsQueryResponse> TryAsync(
        Server server, DnsQuestion question, DnsQueryOptions options, CancellationToken cancellation)
    {
        var stale = 0;
        var misnumbered = 0;
        for (; ; )
        {
            try
            {
                return await Client().QueryServerAsync([server.Address], question, options, cancellation)
                    .ConfigureAwait(false);
            }
            catch (DnsResponseException problem) when (
                problem.InnerException is TimeoutException or IOException
                && stale++ < ResolverLimits.StaleConnections
                && !cancellation.IsCancellationRequested)
            {
            }
            catch (DnsXidMismatchException) when (
                misnumbered++ < ResolverLimits.MisnumberedReplies && !cancellation.IsCancellationRequested)
            {
            }
        }
    }

    private LookupClient Client()
    {
        var now = clock.Milliseconds();
        if (now >= Volatile.Read(ref clientEnds))
        {
            Volatile.Write(ref clientEnds, now + ResolverLimits.ClientTime);
            Volatile.Write(ref client, NewClient());
        }

        return Volatile.Read(ref client);
    }

    // The server that it wants is never asked.
    private static LookupClient NewClient() =>
        new(new LookupClientOptions(new IPEndPoint(IPAddress.Loopback, ResolverLimits.Port)) { UseCache = false });

    private static DnsQueryOptions Options(TimeSpan wait, bool dnssec, int size) => new()
    {
        UseCache = false,
        Retries = 0,
        Timeout = wait,
        ThrowDnsErrors = false,
        ContinueOnDnsError = false,
        ContinueOnEmptyResponse = false,
        ExtendedDnsBufferSize = size,
        // The AD bit of the reply can only be asked for with the DO bit.
        RequestDnsSecRecords = dnssec,
    };
}
