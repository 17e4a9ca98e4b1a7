using System.Net;
using Dkim.Core.Dns;
using Dkim.Core.Message;
using Dkim.Core.Words;
using DnsClient;

namespace Dkim.Hosting.Resolving;

/// <summary>Asks one name server what it says itself, without recursion: over UDP, and over TCP where the reply does not
/// fit a datagram.</summary>
public static class DirectClient
{
    /// <summary>Asks servers at the same time. Whatever goes wrong is an answer.</summary>
    /// <param name="wait">For one reply.</param>
    public static async Task<IReadOnlyDictionary<DirectQuestion, DirectAnswer>> AskAsync(
        IReadOnlyCollection<DirectQuestion> questions, TimeSpan wait)
    {
        var asked = questions.Distinct().Take(DirectLimits.Servers).ToArray();
        var answers = await Task.WhenAll(asked.Select(question => AskAsync(question, wait))).ConfigureAwait(false);
        return asked.Zip(answers).ToDictionary(pair => pair.First, pair => pair.Second);
    }

    private static async Task<DirectAnswer> AskAsync(DirectQuestion direct, TimeSpan wait)
    {
        var needsTcp = false;
        try
        {
            var client = new LookupClient(new LookupClientOptions(direct.Server) { UseCache = false });
            var question = DnsClientReply.QuestionFor(direct.Question);
            var reply = await TryDatagramAsync(client, direct.Server, question, wait).ConfigureAwait(false);
            if (reply is null)
            {
                needsTcp = true;
                reply = await TryAsync(client, direct.Server, question, wait, tcp: true).ConfigureAwait(false);
            }

            return DnsClientReply.Problem(reply, question) is { } problem
                ? DirectAnswer.Failed(problem, needsTcp)
                : Read(reply, direct.Question, needsTcp);
        }
        catch (Exception failure)
        {
            // The package throws a dozen types at replies that it cannot read.
            return DirectAnswer.Failed(DnsClientReply.Describe(failure), needsTcp);
        }
    }

    /// <summary>The reply over UDP; null where it does not fit a datagram.</summary>
    private static async Task<IDnsQueryResponse?> TryDatagramAsync(
        LookupClient client, IPEndPoint server, DnsQuestion question, TimeSpan wait)
    {
        try
        {
            return await TryAsync(client, server, question, wait, tcp: false).ConfigureAwait(false);
        }
        catch (DnsResponseException failure) when (
            failure is { Code: DnsResponseCode.Unassigned, InnerException: null })
        {
            // So the package says that a reply was cut off and that it was not allowed to go on by TCP.
            return null;
        }
    }

    private static Task<IDnsQueryResponse> TryAsync(
        LookupClient client, IPEndPoint server, DnsQuestion question, TimeSpan wait, bool tcp) =>
        client.QueryServerAsync(
            [new DnsClient.NameServer(server)],
            question,
            new DnsQueryOptions
            {
                UseCache = false,
                Recursion = false,
                Retries = tcp ? 0 : 1,
                Timeout = wait,
                UseTcpOnly = tcp,
                UseTcpFallback = false,
                ThrowDnsErrors = false,
                ContinueOnDnsError = false,
                ContinueOnEmptyResponse = false,
                ExtendedDnsBufferSize = ResolverLimits.DatagramOctets,
            });

    private static DirectAnswer Read(IDnsQueryResponse reply, Question question, bool neededTcp)
    {
        var name = question.Name;
        var records = new Records(question.Type, ResolverLimits.RecordOctets);
        var timeToLive = int.MaxValue;
        if (!DnsClientReply.TryFollow(reply, ref name, records, ref timeToLive))
        {
            return DirectAnswer.Failed("too many aliases", neededTcp);
        }

        var exists = reply.Header.ResponseCode == DnsHeaderResponseCode.NoError;
        var outcome = exists || !records.IsEmpty ? records.ToAnswer(Security.Unchecked).Outcome : Outcome.NoSuchName;
        var isAlias = records.IsEmpty && name != question.Name;
        return new DirectAnswer(
            outcome,
            reply.Header.HasAuthorityAnswer,
            isAlias ? Microsoft.FSharp.Core.FSharpValueOption<string>.NewValueSome(name) : default,
            reply.MessageSize,
            neededTcp);
    }
}
