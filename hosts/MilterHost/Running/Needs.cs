using Dkim.Core.Programs.Filters;
using Dkim.Core.Programs.Filters.Settings;
using Dkim.Core.Programs.Running;
using Dkim.Core.Programs.Settings;
using Dkim.Core.Signatures;
using Dkim.Core.Words;
using Dkim.Hosting;
using Dkim.MilterHost.Connections;

namespace Dkim.MilterHost.Running;

/// <summary>What a start needs of the machine beside its files. Each step says for which setting, by the name that
/// dkim-filter.conf(5) has for it; a start ends at the first that fails, a check goes on.</summary>
internal static class Needs
{
    /// <summary>A failed step in a line, with the place of the setting that it was for.</summary>
    public static string Describe(FilterProgram program, StartupException failure) => failure.Setting.Length == 0
        ? failure.Message
        : program.Refusal(failure.Setting, failure.Message, failure.Remedy);

    /// <summary>The id of SocketGroup.</summary>
    public static uint? SocketGroup(FilterService settings) => settings.SocketGroup.OrNull() is { } name
        ? ServiceNeeds.FindGroup(FilterServiceModule.SocketGroupRow, name)
        : null;

    /// <summary>Makes BaseDirectory the one where relative paths start.</summary>
    public static void EnterDirectory(FilterService settings)
    {
        if (settings.BaseDirectory.OrNull() is { } directory)
        {
            StartupException.For(
                FilterServiceModule.BaseDirectoryRow,
                "make the directory, or name another",
                () => OwnProcess.ChangeDirectory(directory));
        }
    }

    /// <summary>The source of DNS answers.</summary>
    public static ResolverSource Resolver(FilterProgram program) =>
        ServiceNeeds.Resolver(program.Service.Common, program.RecordOctets) with { Records = program.TestRecords.OrNull() };

    /// <summary>The database of POP logins, where there is one.</summary>
    /// <param name="report">Takes a line for the log when it cannot be read any more.</param>
    public static PopLogins? PopLogins(FilterService settings, Action<string> report) =>
        settings.PopDbFile.OrNull() is { } database
            ? StartupException.For(
                FilterServiceModule.PopDbFileRow, "name a Berkeley DB hash", () => Connections.PopLogins.Open(database, report))
            : null;

    /// <summary>Sees that Socket could be opened by this process, as far as that can be seen without opening
    /// it.</summary>
    /// <param name="group">The id of SocketGroup.</param>
    public static async Task SocketAsync(FilterService settings, uint? group)
    {
        var endpoint = settings.Socket.Value;
        if (endpoint.IsLocal)
        {
            FilePlace.RequireSocket(endpoint.Host, FilterServiceModule.SocketRow);
            if (group is { } id && !Account.MayGiveTo(id))
            {
                throw new StartupException(
                    StartupFault.Address,
                    "the user of the filter is not in this group, and cannot give the socket to it",
                    FilterServiceModule.SocketGroupRow,
                    $"add the user to the group: adduser USER {settings.SocketGroup.Value}");
            }

            return;
        }

        await endpoint.RequireOwnAsync(FilterServiceModule.SocketRow).ConfigureAwait(false);
    }
}
