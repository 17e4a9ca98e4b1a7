using Dkim.Core.Programs.Proxies;
using Dkim.Core.Programs.Proxies.Shared;
using Dkim.Core.Programs.Running;
using Dkim.Core.Programs.Settings;
using Dkim.Core.Words;
using Dkim.Hosting;
using Dkim.ProxyHost.Dialogue;
using Dkim.ProxyHost.Sessions;
using Microsoft.FSharp.Core;

namespace Dkim.ProxyHost.Running;

/// <summary>One configuration in force: the core's program, and what sessions need to serve under it.</summary>
internal sealed record Serving(ProxyProgram Program, Relaying Relaying)
{
    /// <summary>Puts a program to work.</summary>
    public static Serving Begin(
        ProxyProgram program, ServiceParts parts, KeyCache keys, StoreLookups stores, TimeProvider clock)
    {
        var settings = program.Settings;
        var budget = program.Budget;
        var relay = new NextHop(program.Relay, clock);
        var relaying = new Relaying(
            new Patience(
                TimeSpan.FromSeconds(settings.ConnectTimeout),
                TimeSpan.FromSeconds(settings.ClientTimeout),
                TimeSpan.FromSeconds(settings.RelayTimeout))
            {
                Clock = clock,
                Pace = settings.DataPace,
            },
            new DialogueLimits { BareNewlines = settings.BareNewlines },
            new SpoolArea(
                Needs.SpoolPath(settings), (int)settings.SpoolMemory))
        {
            ConnectAsync = relay.ConnectAsync,
            Filter = conversation => new PassageFilter(
                program.NewMessage(clock.UnixSeconds(), conversation),
                new MessageNeeds(new MessageLookups(parts.Resolver, budget, clock))
                {
                    ReadKey = keys.Read,
                    AskStore = stores.AskAsync,
                },
                parts.Log.Write),
            MaxMessage = settings.MaxMessageSize,
            Log = parts.Log.Write,
            Trace = settings.DebugTrace ? command => StandardStreams.ComplainLine(Printable.escape(command)) : null,
        };
        return new Serving(program, relaying);
    }
}
